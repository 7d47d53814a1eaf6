import { inflate } from '../../records/compression.ts'
import { HEADER_BYTES, type RecordBatch } from '../../records/record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

/** A batch that inflates beyond this is taken for one that cannot be read. */
const maxInflatedBytes = 64 * 1024 * 1024

/** A walk over the records of a batch; null where they cannot be read: bad data, too much of it, or a codec whose package is missing. */
export async function recordsOf(batch: RecordBatch): Promise<RecordCursor | null> {
  if (batch.compression === 'none' || batch.count === 0) return new RecordCursor(batch.buffer, HEADER_BYTES)
  try {
    const input = batch.buffer.subarray(HEADER_BYTES)
    const place = { topic: '', partition: 0, offset: batch.baseOffset }
    return new RecordCursor(await inflate(batch.compression, input, maxInflatedBytes, place), 0)
  } catch {
    return null
  }
}
