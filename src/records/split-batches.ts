import type { TopicPartition } from '../base/topic-partition.ts'
import { CorruptBatchError } from './errors.ts'
import { LegacyBatch, MIN_LENGTH_V0, MIN_LENGTH_V1 } from './legacy-batch.ts'
import { readLong } from './long.ts'
import { COMPRESSION_BITS, COMPRESSIONS, HEADER_BYTES, MAGIC_AT, PREFIX_BYTES, RecordBatch } from './record-batch.ts'

/** By format: what the length of a batch counts at least. */
const minLengths = [MIN_LENGTH_V0, MIN_LENGTH_V1, HEADER_BYTES - PREFIX_BYTES]

export interface SplitBatches {
  /** In log order, each with memory of its own. */
  readonly batches: RecordBatch[]
  /** Why the split stopped early; null when everything was sound. */
  readonly corrupt: CorruptBatchError | null
}

/**
 * Cuts the records of a fetch (or produce) into batches and copies each once, so that the frame can be freed. A last batch that is
 * not there as a whole is left out: brokers cut at the byte limit.
 */
export function splitBatches(source: Buffer, start: number, end: number, place: TopicPartition): SplitBatches {
  const batches: RecordBatch[] = []
  let at = start
  // Up to the magic byte: the format decides about everything behind it.
  while (at + 17 <= end) {
    const length = source.readInt32BE(at + 8)
    const corrupt = checkPrefix(source, at, length, place)
    if (corrupt !== null) return { batches, corrupt }
    const next = at + PREFIX_BYTES + length
    if (next > end) break
    const buffer = Buffer.allocUnsafeSlow(next - at)
    source.copy(buffer, 0, at, next)
    const batch = batchIn(buffer, batches.at(-1))
    const nonsense = checkHeader(batch)
    if (nonsense !== null) {
      return { batches, corrupt: new CorruptBatchError({ ...place, offset: batch.baseOffset }, nonsense) }
    }
    batches.push(batch)
    at = next
  }
  return { batches, corrupt: null }
}

function checkPrefix(source: Buffer, at: number, length: number, place: TopicPartition): CorruptBatchError | null {
  const magic = source.readInt8(at + MAGIC_AT)
  const least = minLengths[magic]
  if (least !== undefined && length >= least) return null
  const reason = least === undefined ? `its format is v${magic}` : `its length is ${length} bytes, less than a header`
  return new CorruptBatchError({ ...place, offset: readLong(source, at) }, reason)
}

function batchIn(buffer: Buffer, before: RecordBatch | undefined): RecordBatch {
  if (buffer[MAGIC_AT] === 2) return new RecordBatch(buffer)
  return new LegacyBatch(buffer, before === undefined ? 0 : before.lastOffset + 1)
}

/** What the position and the getters are computed from must make sense before the checksum is looked at. */
function checkHeader(batch: RecordBatch): string | null {
  const { baseOffset, lastOffset, count, attributes } = batch
  if (baseOffset < 0 || lastOffset < baseOffset || lastOffset > Number.MAX_SAFE_INTEGER) {
    return `it claims the offsets ${baseOffset} to ${lastOffset}`
  }
  if (count < 0 || count > lastOffset - baseOffset + 1) {
    return `it claims ${count} records at the offsets ${baseOffset} to ${lastOffset}`
  }
  const codec = attributes & COMPRESSION_BITS
  if (codec >= COMPRESSIONS.length) return `it claims the compression ${codec}, which Kafka does not have`
  return null
}
