import type { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { crc32c } from './crc32c.ts'
import { CorruptBatchError, UnsupportedBatchError } from './errors.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** By the number in the attributes' lowest three bits; 5 to 7 are not used by Kafka. */
export const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Bytes before the first record of a v2 batch (https://kafka.apache.org/documentation/#recordbatch). */
export const HEADER_BYTES = 61
/** Base offset and length: what a batch has before the part that its length counts. */
export const PREFIX_BYTES = 12
/** The checksum covers everything from here on. */
export const SEALED_FROM = 21

export const COMPRESSION_BITS = 0x07
export const LOG_APPEND_TIME = 0x08
export const TRANSACTIONAL = 0x10
export const CONTROL = 0x20

/** A v2 record batch as it came: the header is read, the records are not. Its checksum is not verified until asked. */
export class RecordBatch {
  /** The whole batch from its base offset on, in memory of its own. */
  readonly buffer: Buffer
  readonly baseOffset: number
  /** Kept when compaction removes the last records: the position goes on behind it. */
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly attributes: number
  /** Milliseconds since 1970; what the records' timestamps are relative to. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1: no idempotent producer. A bigint only beyond 2^53. */
  readonly producerId: number | bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  /** How many records the header promises: not checked before the batch is opened. */
  readonly count: number

  /** `buffer` holds one whole batch whose length and format were checked (`splitBatches`). */
  constructor(buffer: Buffer) {
    this.buffer = buffer
    this.baseOffset = readLong(buffer, 0)
    this.leaderEpoch = buffer.readInt32BE(12)
    this.attributes = buffer.readInt16BE(21)
    this.lastOffset = this.baseOffset + buffer.readInt32BE(23)
    this.baseTimestamp = readLong(buffer, 27)
    this.maxTimestamp = readLong(buffer, 35)
    const producerId = readLong(buffer, 43)
    this.producerId = Number.isSafeInteger(producerId) ? producerId : buffer.readBigInt64BE(43)
    this.producerEpoch = buffer.readInt16BE(51)
    this.baseSequence = buffer.readInt32BE(53)
    this.count = buffer.readInt32BE(57)
  }

  get compression(): Compression {
    return COMPRESSIONS[this.attributes & COMPRESSION_BITS] as Compression
  }

  get timestampType(): TimestampType {
    return (this.attributes & LOG_APPEND_TIME) === 0 ? 'CreateTime' : 'LogAppendTime'
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL) !== 0
  }

  /** Holds markers of the cluster's own (end of a transaction) and nothing for users. */
  get isControl(): boolean {
    return (this.attributes & CONTROL) !== 0
  }

  /** Computed anew each time: 6 GB/s, or 1 GB/s without the native module. */
  get crcValid(): boolean {
    return crc32c(this.buffer.subarray(SEALED_FROM)) === this.buffer.readUInt32BE(17)
  }
}

export interface SplitBatches {
  /** In log order, each with memory of its own. */
  readonly batches: RecordBatch[]
  /** Why the split stopped early; null when everything was sound. */
  readonly corrupt: MillraceError | null
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
    const batch = new RecordBatch(buffer)
    const nonsense = checkHeader(batch)
    if (nonsense !== null) {
      return { batches, corrupt: new CorruptBatchError({ ...place, offset: batch.baseOffset }, nonsense) }
    }
    batches.push(batch)
    at = next
  }
  return { batches, corrupt: null }
}

function checkPrefix(source: Buffer, at: number, length: number, place: TopicPartition): MillraceError | null {
  const magic = source.readInt8(at + 16)
  if (magic === 2 && length >= HEADER_BYTES - PREFIX_BYTES) return null
  const offset = readLong(source, at)
  if ((magic === 0 || magic === 1) && length >= 14) {
    return new UnsupportedBatchError(
      'UNSUPPORTED_RECORD_FORMAT',
      `${partitionName(place.topic, place.partition)} has messages in the old format v${magic} at offset ${offset}, which this ` +
        'release does not read. Start behind them, or write them anew into another topic with a client that reads them',
      { topic: place.topic, partition: place.partition, offset },
    )
  }
  const reason = magic === 2 ? `its length is ${length} bytes, less than a header` : `its format is v${magic}`
  return new CorruptBatchError({ ...place, offset }, reason)
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

/** Exact to 2^53, nearest beyond. */
function readLong(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}
