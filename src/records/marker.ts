import { HEADER_BYTES, type RecordBatch } from './record-batch.ts'
import { readVarint, readVarlong, varintEnd } from './varint.ts'

/** What a control batch says: the end of a transaction, or something that only brokers need. */
export type Marker = 'abort' | 'commit' | 'other'

/** The marker of a control batch, from its first record's key (version int16, type int16); null when it cannot be read. */
export function markerOf(batch: RecordBatch): Marker | null {
  const { buffer } = batch
  // Compaction removes old markers and leaves the batch.
  if (batch.count === 0) return 'other'
  if (batch.compression !== 'none') return null
  readVarint(buffer, HEADER_BYTES)
  readVarlong(buffer, varintEnd + 1)
  readVarint(buffer, varintEnd)
  const keyLength = readVarint(buffer, varintEnd)
  if (keyLength < 4 || varintEnd + keyLength > buffer.length) return null
  const type = buffer.readInt16BE(varintEnd + 2)
  return type === 0 ? 'abort' : type === 1 ? 'commit' : 'other'
}
