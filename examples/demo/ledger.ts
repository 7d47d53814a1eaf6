import type { Message } from '../../src/index.ts'

/** Of the messages of one partition below some offset. */
export interface Entries {
  readonly handled: number
  readonly twice: number
}

/** How often each message was handled, by its offset: what the proof at the end is made of. */
export class Ledger {
  handled = 0
  /** Messages that were handled more than once. */
  handledTwice = 0
  /** Attempts that failed, each followed by another. */
  failures = 0
  lastFailure = 'none yet'
  /** Handled after a later one of the same key. */
  outOfOrder = 0
  readonly #last = new Map<string | null, number>()
  readonly #counts: Uint8Array[]

  constructor(partitions: number) {
    this.#counts = Array.from({ length: partitions }, () => new Uint8Array(1024))
  }

  enter({ partition, offset, key }: Message<string | null, unknown>): void {
    if (offset < (this.#last.get(key) ?? -1)) this.outOfOrder++
    this.#last.set(key, offset)
    let counts = this.#counts[partition] ?? new Uint8Array(1024)
    if (offset >= counts.length) {
      const larger = new Uint8Array(Math.max(offset + 1, counts.length * 2))
      larger.set(counts)
      counts = this.#counts[partition] = larger
    }
    counts[offset] = Math.min(255, (counts[offset] ?? 0) + 1)
    if (counts[offset] === 2) this.handledTwice++
    this.handled++
  }

  failed(what: string): void {
    this.failures++
    this.lastFailure = what
  }

  below(end: number, partition: number): Entries {
    const counts = this.#counts[partition]
    let handled = 0
    let twice = 0
    for (let offset = 0; offset < end; offset++) {
      const count = counts?.[offset] ?? 0
      if (count > 0) handled++
      if (count > 1) twice++
    }
    return { handled, twice }
  }
}
