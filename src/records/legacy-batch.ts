import { crc32 } from 'node:zlib'
import { type BatchPlace, CorruptBatchError } from './errors.ts'
import { readLong } from './long.ts'
import {
  COMPRESSION_BITS,
  COMPRESSIONS,
  type Compression,
  LOG_APPEND_TIME,
  MAGIC_AT,
  PREFIX_BYTES,
  type RecordBatch,
  type TimestampType,
} from './record-batch.ts'

const CRC_AT = 12
const ATTRIBUTES_AT = 17
const TIMESTAMP_AT = 18
const TIMESTAMP_BYTES = 8
const LENGTH_BYTES = 4

/** Least that the length of a message counts: checksum, format, attributes, and the lengths of key and value. */
export const MIN_LENGTH_V0 = 14
/** The same with a timestamp. */
export const MIN_LENGTH_V1 = MIN_LENGTH_V0 + TIMESTAMP_BYTES

/**
 * A message in format 0 or 1, as producers wrote it before Kafka 0.11, alone or as the wrapper of compressed ones
 * (https://kafka.apache.org/documentation/#messageset). To whoever holds it, it is a record batch like others; it has no producer,
 * transaction or leader epoch.
 */
export class LegacyBatch implements RecordBatch {
  readonly buffer: Buffer
  /** Of a wrapper this is where it begins at the earliest: what is inside tells more. */
  readonly baseOffset: number
  readonly lastOffset: number
  readonly leaderEpoch = -1
  readonly attributes: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId = -1
  readonly producerEpoch = -1
  readonly baseSequence = -1
  /** Of a wrapper the most there can be. */
  readonly count: number
  readonly isTransactional = false
  readonly isControl = false

  /** `buffer` holds one whole message, its length and format were checked; `from` is the offset behind the batch before it, or 0. */
  constructor(buffer: Buffer, from: number) {
    this.buffer = buffer
    this.lastOffset = readLong(buffer, 0)
    this.attributes = buffer[ATTRIBUTES_AT] as number
    this.baseTimestamp = this.maxTimestamp = buffer[MAGIC_AT] === 0 ? -1 : readLong(buffer, TIMESTAMP_AT)
    this.baseOffset = this.compression === 'none' ? this.lastOffset : Math.min(from, this.lastOffset)
    this.count = this.lastOffset - this.baseOffset + 1
  }

  get compression(): Compression {
    return COMPRESSIONS[this.attributes & COMPRESSION_BITS] as Compression
  }

  get timestampType(): TimestampType {
    if (this.buffer[MAGIC_AT] === 0) return 'NoTimestampType'
    return (this.attributes & LOG_APPEND_TIME) === 0 ? 'CreateTime' : 'LogAppendTime'
  }

  /** CRC-32, not the CRC-32C of later. */
  get crcValid(): boolean {
    return crcMatches(this.buffer, 0, this.buffer.length)
  }

  /** Offsets inside of a wrapper count from its first message. */
  get relativeOffsets(): boolean {
    return this.buffer[MAGIC_AT] === 1 && this.compression !== 'none'
  }

  /** A message set: the message itself, or the compressed one that it wraps. @throws {CorruptBatchError} */
  messageSet(place: BatchPlace): Buffer {
    const message = readMessage(this.buffer, 0)
    if (message === null) throw new CorruptBatchError(place, 'its length and its fields do not agree')
    if (this.compression === 'none') return this.buffer
    if (message.valueLength < 0) throw new CorruptBatchError(place, 'it says that it is compressed, and is null')
    return this.buffer.subarray(message.valueStart, message.end)
  }
}

/** Where the parts of a message are; lengths of -1 are null. */
export interface LegacyMessage {
  readonly offset: number
  readonly attributes: number
  /** -1: none. */
  readonly timestamp: number
  readonly keyStart: number
  readonly keyLength: number
  readonly valueStart: number
  readonly valueLength: number
  readonly end: number
}

/** The message of a message set that begins at `at`; null where these bytes are none. */
export function readMessage(bytes: Buffer, at: number): LegacyMessage | null {
  const end = messageEnd(bytes, at)
  const magic = bytes[at + MAGIC_AT] as number
  if (end < 0 || magic > 1) return null
  const fields = at + TIMESTAMP_AT + (magic === 0 ? 0 : TIMESTAMP_BYTES)
  if (fields + 2 * LENGTH_BYTES > end) return null
  const keyLength = bytes.readInt32BE(fields)
  const keyStart = fields + LENGTH_BYTES
  const valueAt = keyStart + Math.max(keyLength, 0)
  if (keyLength < -1 || valueAt + LENGTH_BYTES > end) return null
  const valueLength = bytes.readInt32BE(valueAt)
  const valueStart = valueAt + LENGTH_BYTES
  if (valueLength < -1 || valueStart + Math.max(valueLength, 0) !== end) return null
  return {
    offset: readLong(bytes, at),
    attributes: bytes[at + ATTRIBUTES_AT] as number,
    timestamp: magic === 0 ? -1 : readLong(bytes, at + TIMESTAMP_AT),
    keyStart,
    keyLength,
    valueStart,
    valueLength,
    end,
  }
}

/** Where the message ends that begins at `at`; -1 where there is no whole one. */
export function messageEnd(bytes: Buffer, at: number): number {
  if (at + PREFIX_BYTES + MIN_LENGTH_V0 > bytes.length) return -1
  const length = bytes.readInt32BE(at + 8)
  const end = at + PREFIX_BYTES + length
  return length < MIN_LENGTH_V0 || end > bytes.length ? -1 : end
}

/** Whether the checksum of the message in these bytes is right. */
export function crcMatches(bytes: Buffer, at: number, end: number): boolean {
  return crc32(bytes.subarray(at + MAGIC_AT, end)) === bytes.readUInt32BE(at + CRC_AT)
}
