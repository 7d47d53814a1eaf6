import { inflate } from './compression.ts'
import { CorruptBatchError } from './errors.ts'
import { LegacyBatch } from './legacy-batch.ts'
import { markerOf } from './marker.ts'
import type { Message } from './message.ts'
import { OpenLegacyBatch } from './open-legacy-batch.ts'
import { OpenRecordBatch } from './open-record-batch.ts'
import { HEADER_BYTES, type RecordBatch } from './record-batch.ts'

/** A cursor over the messages of one batch. They share it, and the bytes. */
export interface OpenBatch {
  readonly topic: string
  readonly partition: number
  readonly batch: RecordBatch
  /** The records, inflated. */
  readonly bytes: Buffer
  readonly highWatermark: number
  /** For its owner's accounting: messages taken and not yet released. */
  unsettled: number
  /** Whether all records were read. */
  readonly exhausted: boolean
  /** Bytes held as long as this batch or one of its messages is. */
  readonly memory: number
  /** Leaves out the records before this offset: a batch may begin before the one that was asked for. */
  skipTo(offset: number): void
  /**
   * The next record, or null after the last. A record that makes no sense throws, and throws again when asked again: nothing
   * behind it can be trusted.
   *
   * @throws {CorruptBatchError}
   */
  next(): Message | null
}

export interface OpenOptions {
  readonly topic: string
  readonly partition: number
  /** A batch that inflates beyond this is corrupt. */
  readonly maxInflatedBytes: number
  readonly highWatermark: number
}

/**
 * Verifies the checksum and inflates. Small batches are opened at once, large compressed ones beside the event loop.
 *
 * @throws {CorruptBatchError} (or rejects with it), or `UNSUPPORTED_COMPRESSION`
 */
export function openBatch(batch: RecordBatch, options: OpenOptions): OpenBatch | Promise<OpenBatch> {
  // Where a compressed message set begins is not known yet.
  const offset = batch instanceof LegacyBatch ? batch.lastOffset : batch.baseOffset
  const place = { topic: options.topic, partition: options.partition, offset }
  if (!batch.crcValid) throw new CorruptBatchError(place, 'its checksum does not match')
  if (batch.isControl && markerOf(batch) === null)
    throw new CorruptBatchError(place, 'its control record cannot be read')
  const records = batch instanceof LegacyBatch ? batch.messageSet(place) : batch.buffer.subarray(HEADER_BYTES)
  // Compaction leaves empty batches behind, some with their compression still named.
  if (batch.compression === 'none' || (batch.count === 0 && records.length === 0))
    return opened(batch, records, options)
  const bytes = inflate(batch.compression, records, options.maxInflatedBytes, place)
  return bytes instanceof Promise ? bytes.then(late => opened(batch, late, options)) : opened(batch, bytes, options)
}

function opened(batch: RecordBatch, bytes: Buffer, options: OpenOptions): OpenBatch {
  return batch instanceof LegacyBatch
    ? new OpenLegacyBatch(batch, bytes, options)
    : new OpenRecordBatch(batch, bytes, options)
}
