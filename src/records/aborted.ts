import { markerOf } from './marker.ts'
import type { RecordBatch } from './record-batch.ts'

/** A transaction that was aborted, as a fetch lists them. */
export interface AbortedTransaction {
  readonly producerId: number | bigint
  readonly firstOffset: number
}

/**
 * Leaves out what users must not see: control batches, and batches of aborted transactions. One filter per fetched partition and
 * answer, given its batches in log order; Kafka lists every aborted transaction that overlaps the fetched range in each answer, so it
 * does not matter in which one the abort marker comes. Under `read_uncommitted` the list is empty. The algorithm is that of Kafka's
 * Java client (KIP-98).
 */
export class AbortedFilter {
  /** By first offset, latest first: the end is taken off as batches reach it. */
  readonly #coming: AbortedTransaction[]
  readonly #aborted = new Set<number | bigint>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset)
  }

  /**
   * Whether the batch is for users. A control batch that cannot be read is kept, so that opening it reports it; it ends its
   * producer's transaction all the same, or sound batches behind it would be lost.
   */
  keeps(batch: RecordBatch): boolean {
    if (!batch.isTransactional && !batch.isControl) return true
    this.#reach(batch.lastOffset)
    if (!batch.isControl) return !this.#aborted.has(batch.producerId)
    const marker = batch.crcValid ? markerOf(batch) : null
    if (marker === null || marker === 'abort') this.#aborted.delete(batch.producerId)
    return marker === null
  }

  #reach(offset: number): void {
    for (let next = this.#coming.at(-1); next !== undefined && next.firstOffset <= offset; next = this.#coming.at(-1)) {
      this.#aborted.add(normal(next.producerId))
      this.#coming.pop()
    }
  }
}

/** As `RecordBatch` has them: a bigint only beyond 2^53. */
function normal(producerId: number | bigint): number | bigint {
  const number = Number(producerId)
  return Number.isSafeInteger(number) ? number : BigInt(producerId)
}
