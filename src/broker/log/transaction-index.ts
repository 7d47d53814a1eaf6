import type { AbortedTransaction } from '../../records/aborted.ts'

type ProducerId = number | bigint

/** A transaction that was aborted, from its first record to its marker. */
interface Aborted extends AbortedTransaction {
  readonly lastOffset: number
  /** The last stable offset after it: no transaction that was aborted later begins before. */
  readonly stable: number
}

/** Which transactions of a log are open, and which were aborted. */
export class TransactionIndex {
  /** First offset by producer. They begin in the order of the log, so the first entry is the oldest. */
  readonly #open = new Map<ProducerId, number>()
  /** In the order of their markers. */
  #aborted: Aborted[] = []

  /** Where the oldest open transaction begins; undefined while none is open. */
  get firstOpen(): number | undefined {
    return this.#open.values().next().value
  }

  isOpen(producerId: ProducerId): boolean {
    return this.#open.has(producerId)
  }

  /** First offset of this producer's open transaction, or -1. */
  openSince(producerId: ProducerId): number {
    return this.#open.get(producerId) ?? -1
  }

  begin(producerId: ProducerId, firstOffset: number): void {
    this.#open.set(producerId, firstOffset)
  }

  /** The marker at this offset ends what the producer has open; one that ends nothing leaves no trace. */
  end(producerId: ProducerId, markerOffset: number, result: 'commit' | 'abort'): void {
    const firstOffset = this.#open.get(producerId)
    if (firstOffset === undefined) return
    this.#open.delete(producerId)
    if (result === 'commit') return
    const stable = this.firstOpen ?? markerOffset + 1
    this.#aborted.push({ producerId, firstOffset, lastOffset: markerOffset, stable })
  }

  /** Aborted transactions that have an offset in this range, its end excluded. */
  abortedIn(from: number, end: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (let at = this.#firstReaching(from); at < this.#aborted.length; at++) {
      const entry = this.#aborted[at] as Aborted
      if (entry.firstOffset < end) found.push(entry)
      if (entry.stable >= end) break
    }
    return found
  }

  /** The log begins here now. */
  moveStart(startOffset: number): void {
    const kept = this.#firstReaching(startOffset)
    if (kept > 0) this.#aborted = this.#aborted.slice(kept)
  }

  /** Forgets aborted transactions of which compaction left nothing. */
  retain(keeps: (aborted: AbortedTransaction) => boolean): void {
    this.#aborted = this.#aborted.filter(keeps)
  }

  #firstReaching(offset: number): number {
    let low = 0
    let high = this.#aborted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#aborted[middle] as Aborted).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
