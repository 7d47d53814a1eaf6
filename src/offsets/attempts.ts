import type { TriedRange } from './gap-codec.ts'

/**
 * How often messages of one claim were tried that are not done: by this owner, and by those before it, of which the commit's metadata
 * tells. Without it a poisonous message would begin with its first attempt after each rebalance, and might never be given up.
 */
export class Attempts {
  readonly #made = new Map<number, number>()
  /** Nothing above was tried: whatever passes a message that is held for long is not looked up. -1: nothing was. */
  #highest = -1
  /** What owners before tried, rising; those in front of `#next` came by. */
  #recalled: readonly TriedRange[] = []
  #next = 0
  /** Above all messages that came by. */
  #behind = 0
  #changes = 0

  /** Whether no message was tried that is not done, as in most partitions: asked before the offset of each message is. */
  get none(): boolean {
    return this.#highest === -1
  }

  /** Whether anything is known. */
  get any(): boolean {
    return this.#made.size > 0 || this.expects
  }

  /** How often something changed. */
  get changes(): number {
    return this.#changes
  }

  /** Whether owners before tried messages that have not come by. */
  get expects(): boolean {
    return this.#next < this.#recalled.length
  }

  recall(tried: readonly TriedRange[]): void {
    this.#recalled = tried
  }

  /** What owners before tried and has not come by was another topic's, or was cut off the log. */
  forgetRecalled(): void {
    if (!this.expects) return
    this.#recalled = []
    this.#next = 0
    this.#changes++
  }

  /** A message comes by; they do so in order. */
  passes(offset: number): void {
    this.#behind = offset + 1
    for (; this.expects; this.#next++) {
      const { from, to, attempts } = this.#recalled[this.#next] as TriedRange
      if (offset < from) return
      if (offset >= to) continue
      this.#make(offset, attempts)
      return
    }
  }

  /** Attempts that were made on the message. */
  of(offset: number): number {
    return offset > this.#highest ? 0 : (this.#made.get(offset) ?? 0)
  }

  /** So many attempts were made on the message; 0: it is done, or begins anew. */
  set(offset: number, attempts: number): void {
    if (attempts > 0) this.#make(offset, attempts)
    else if (offset > this.#highest || !this.#made.delete(offset)) return
    if (this.#made.size === 0) this.#highest = -1
    this.#changes++
  }

  #make(offset: number, attempts: number): void {
    this.#made.set(offset, attempts)
    if (offset > this.#highest) this.#highest = offset
  }

  /** From `mark` on, rising; neighbours that were tried equally often are together. */
  ranges(mark: number): TriedRange[] {
    const ranges: TriedRange[] = []
    for (const [offset, attempts] of [...this.#made].sort(([a], [b]) => a - b)) {
      if (offset < mark) continue
      const before = ranges.at(-1)
      const to = offset + 1
      if (before?.to === offset && before.attempts === attempts) ranges[ranges.length - 1] = { ...before, to }
      else ranges.push({ from: offset, to, attempts })
    }
    const left = Math.max(mark, this.#behind)
    for (const { from, to, attempts } of this.#recalled.slice(this.#next)) {
      if (to > left) ranges.push({ from: Math.max(from, left), to, attempts })
    }
    return ranges
  }
}
