import type { WorkClaim, WorkMessage } from '../../src/work/claim.ts'

export class FakeMessage implements WorkMessage {
  readonly topic = 'orders'
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly size: number
  detached = false

  constructor(partition: number, offset: number, key: string | null, size = 10) {
    this.partition = partition
    this.offset = offset
    this.key = key
    this.size = size
  }

  /** The same for equal keys, whatever the seed: so that keys of different partitions collide. */
  keyHash(): number {
    return this.key === null
      ? -1
      : [...this.key].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 2 ** 30, 7)
  }

  hasKeyOf(other: WorkMessage): boolean {
    return other instanceof FakeMessage && other.key === this.key
  }
}

/** A partition whose messages a test writes. */
export class FakeClaim implements WorkClaim<FakeMessage> {
  readonly topic = 'orders'
  readonly partition: number
  live = true
  readonly passing = false
  dispatchable = true
  /** Offsets in the order in which they were settled. */
  readonly settled: number[] = []
  readonly messages: FakeMessage[] = []
  /** Attempts by offset. */
  readonly attempts = new Map<number, number>()
  #taken = 0
  #tracked = 0

  /** `keys`: one for each message; `null` is none. */
  constructor(partition = 0, keys: readonly (string | null)[] = []) {
    this.partition = partition
    this.write(keys)
  }

  get taken(): number {
    return this.#taken
  }

  get lowest(): number {
    const open = this.messages.slice(0, this.#tracked).find(({ offset }) => !this.settled.includes(offset))
    return open?.offset ?? -1
  }

  write(keys: readonly (string | null)[], size?: number): void {
    for (const key of keys) this.messages.push(new FakeMessage(this.partition, this.messages.length, key, size))
  }

  stopped(): void {}

  take(): FakeMessage | null {
    return this.messages[this.#taken] === undefined ? null : (this.messages[this.#taken++] as FakeMessage)
  }

  track(message: FakeMessage): number {
    if (message.offset !== this.#tracked) throw new Error(`${message.offset} was tracked, not ${this.#tracked}`)
    return 1_000 + this.#tracked++
  }

  tried({ offset }: FakeMessage): number {
    return this.attempts.get(offset) ?? 0
  }

  attempted({ offset }: FakeMessage, attempts: number): void {
    if (attempts > 0) this.attempts.set(offset, attempts)
    else this.attempts.delete(offset)
  }

  settle(slot: number, message: FakeMessage): void {
    if (!this.live) throw new Error(`${message.offset} was settled into a dead claim`)
    if (slot !== 1_000 + message.offset) throw new Error(`${message.offset} was settled as ${slot}`)
    if (this.settled.includes(message.offset)) throw new Error(`${message.offset} was settled twice`)
    this.settled.push(message.offset)
    this.attempts.delete(message.offset)
  }

  /** The same partition of the next owner, who is told how often messages were tried. */
  next(): FakeClaim {
    const next = new FakeClaim(
      this.partition,
      this.messages.map(({ key }) => key),
    )
    for (const [offset, attempts] of this.attempts) next.attempts.set(offset, attempts)
    return next
  }

  detach(message: FakeMessage): void {
    message.detached = true
  }
}
