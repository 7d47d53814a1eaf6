/** Who may go beyond the limit: a reservoir, or a fetch under way, which holds nothing yet. */
export interface Holder {
  /** Of its record batches. */
  readonly batchBytes: number
  /** How many of these its inflated batches take beyond what they were counted for before. */
  readonly surplus: number
  /** Its messages that wait for long take too much: it stands still, so that no turn is its own. */
  readonly heavy: boolean
}

/**
 * The bytes that all partitions of a consumer may hold together. Bytes are reserved before a fetch is sent, so that answers
 * under way are counted too; what arrives is held, batch by batch, until the batch's last message settles.
 *
 * The limit is soft by one batch, or nothing would go on when few large batches fill it: while it is exceeded, one partition at
 * a time may still fetch or inflate a single batch (`overdraw`).
 *
 * Messages that wait for long may take half of it: beyond that, for partitions with more than their part of these nothing is fetched, nor
 * inflated.
 */
export class Budget {
  readonly limit: number
  /** Called when bytes came back: there may be room for a fetch again. */
  onReturn: (() => void) | null = null
  #held = 0
  #reserved = 0
  /** What inflated batches cost more (or less) than they were counted for before. */
  #surplus = 0
  #overdrawn: Holder | null = null
  /** Who waits for a turn beyond the limit. */
  readonly #line = new Set<Holder>()
  /** Of `#held`, those of messages that were copied out of their batches. */
  #detached = 0
  /** How many partitions share the limit. */
  #partitions = 0
  #inflating = false
  #inflater: Holder | null = null
  readonly #waiting = new Map<Holder, () => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  /** Bytes of batches that are in memory. */
  get held(): number {
    return this.#held
  }

  /** Bytes that answers under way may bring. */
  get reserved(): number {
    return this.#reserved
  }

  /** What no batch holds, whether or not it is reserved; negative while the limit is exceeded. */
  get unheld(): number {
    return this.limit - this.#held
  }

  /** What may be reserved now. */
  get free(): number {
    return this.limit - this.#held - this.#reserved
  }

  reserve(bytes: number): void {
    this.#reserved += bytes
  }

  /** The fetch that `bytes` were reserved for has ended; what it brought is held by now. */
  unreserve(bytes: number): void {
    this.#reserved -= bytes
    this.#eased()
  }

  /** A partition shares it from now on. */
  join(): void {
    this.#partitions++
  }

  leave(): void {
    this.#partitions--
  }

  hold(bytes: number): void {
    this.#held += bytes
  }

  /** Of a message that was copied out of its batch. */
  detach(bytes: number): void {
    this.#detached += bytes
    this.hold(bytes)
    // Who had a turn may stand still now.
    if (this.#detached > this.mostDetached) this.#eased()
  }

  /** The same, given back. */
  returnDetached(bytes: number): void {
    this.#detached -= bytes
    this.return(bytes)
  }

  /** What all messages may take together that wait for long. */
  get mostDetached(): number {
    return this.limit / 2
  }

  /** Whether a partition whose messages that wait take so much is to have no more of them: all take too much, and it more than its part. */
  isHeavy(detached: number): boolean {
    return this.#detached > this.mostDetached && detached > this.mostDetached / this.#partitions
  }

  return(bytes: number): void {
    this.#held -= bytes
    this.#eased()
  }

  /**
   * Whether `holder` may take one batch beyond the limit; if not, it waits in line. Then it is nobody else's turn, until it has no batch
   * any more, stands still, or all batches but its own are within the limit: one partition that is stuck with a large batch does not stop the
   * others.
   */
  overdraw(holder: Holder): boolean {
    const others = this.#held - this.#detached + this.#reserved - (this.#overdrawn?.batchBytes ?? 0)
    const isFree = this.#overdrawn === null || this.#overdrawn.heavy || others <= this.limit
    const [first] = this.#line.add(holder)
    if (!isFree || first !== holder) return false
    this.#line.delete(holder)
    this.#overdrawn = holder
    return true
  }

  /** `holder` does not want to overdraw any more. */
  leaveLine(holder: Holder): void {
    if (this.#line.delete(holder) && this.#line.size > 0) this.onReturn?.()
  }

  /** The batch that `holder` took beyond the limit belongs to `other`. */
  passOn(holder: Holder, other: Holder): void {
    if (this.#overdrawn === holder) this.#overdrawn = other
  }

  /** `holder` holds nothing any more: it is another one's turn. */
  repay(holder: Holder): void {
    this.#waiting.delete(holder)
    if (this.#overdrawn === holder) this.#overdrawn = null
    else if (this.#inflater !== holder) return
    if (this.#inflater === holder) this.#inflater = null
    this.#eased()
  }

  /**
   * Whether `holder` may inflate a batch now; if not, `retry` is called when it should ask again. One batch at a time: its size is only
   * known afterwards. Beyond the limit it goes on while batches cost no more than they were counted for, else in turn.
   */
  mayInflate(holder: Holder, retry: () => void): boolean {
    const waits = holder.heavy || this.#inflating
    const may = !waits && (this.#held <= this.limit || this.#surplus <= 0 || this.#isTurnOf(holder))
    if (may) {
      this.#inflating = true
      this.#waiting.delete(holder)
    } else {
      this.#waiting.set(holder, retry)
    }
    return may
  }

  /** The batch that was counted with `expected` bytes takes `bytes`. */
  inflated(expected: number, bytes: number): void {
    this.#inflating = false
    this.#held += bytes - expected
    this.#surplus += bytes - expected
    this.#eased()
  }

  /** An inflated batch is gone. */
  deflated(expected: number, bytes: number): void {
    this.#surplus -= bytes - expected
    this.return(bytes)
  }

  #isTurnOf(holder: Holder): boolean {
    const isFree = this.#inflater === null || this.#inflater.heavy || this.#surplus <= this.#inflater.surplus
    if (isFree) this.#inflater = holder
    return this.#inflater === holder
  }

  #eased(): void {
    if (this.#held <= this.limit) this.#inflater = null
    if (this.#overdrawn !== null && this.free >= 0) this.#overdrawn = null
    this.onReturn?.()
    if (this.#waiting.size === 0 || this.#inflating) return
    // Whoever returns bytes is in the midst of something of its own.
    for (const retry of this.#waiting.values()) queueMicrotask(retry)
    this.#waiting.clear()
  }
}
