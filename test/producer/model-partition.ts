import { Producers } from '../../src/broker/log/producers.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'

/** What the leader of a partition makes of batches, as far as a producer sees it: the embedded broker's own rules, without a broker. */
export class ModelPartition {
  /** What was written, in order. */
  readonly log: string[] = []
  readonly #producers = new Producers()

  /** The offset where the batch is, or an error code. */
  append(batch: RecordBatch, values: readonly string[]): { readonly baseOffset: number } | { readonly code: number } {
    const duplicate = this.#producers.duplicateOf(batch)
    if (duplicate !== undefined) return { baseOffset: duplicate.baseOffset }
    const code = this.#producers.check(batch)
    if (code !== errorCodes.NONE) return { code }
    const placed = Buffer.from(batch.buffer)
    placed.writeBigInt64BE(BigInt(this.log.length), 0)
    this.#producers.wrote(new RecordBatch(placed), 0)
    this.log.push(...values)
    return { baseOffset: this.log.length - values.length }
  }
}
