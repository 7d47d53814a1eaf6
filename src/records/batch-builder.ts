import { deflate } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { type Bytes, EncodedHeaders, type HeaderPairs, SHORT_TEXT, utf8Length } from './encoded-headers.ts'
import {
  COMPRESSIONS,
  type Compression,
  HEADER_BYTES,
  PREFIX_BYTES,
  SEALED_FROM,
  TRANSACTIONAL,
} from './record-batch.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

export type { Bytes } from './encoded-headers.ts'

export type HeaderInput = Readonly<Record<string, Bytes>> | HeaderPairs | EncodedHeaders

export interface RecordInput {
  /** Default null. */
  readonly key?: Bytes | undefined
  readonly value?: Bytes | undefined
  /** As pairs where a name comes more than once. */
  readonly headers?: HeaderInput | undefined
  /** Milliseconds since 1970. Default: the batch's `now`. */
  readonly timestamp?: number | undefined
}

/** What the header of a batch says beside its records. */
export interface BatchHeader {
  /** Default `'none'`. */
  readonly compression?: Compression | undefined
  /** Of gzip (1 to 9) and zstd (-131072 to 22); default: the codec's own. The others have none. */
  readonly level?: number | undefined
  /** Offset of the first record; 0 (the default) in what a producer sends. */
  readonly baseOffset?: number | undefined
  /** Default -1. */
  readonly leaderEpoch?: number | undefined
  /** Default -1: no idempotent producer. */
  readonly producerId?: number | bigint | undefined
  readonly producerEpoch?: number | undefined
  readonly baseSequence?: number | undefined
  /** Default false. */
  readonly transactional?: boolean | undefined
}

const MOST_BYTES = 2 ** 31 - 1

/**
 * One record batch in format v2 (https://kafka.apache.org/documentation/#recordbatch) as it grows: each record is written where it stays,
 * without an object of its own. The buffer doubles when it is full.
 */
export class BatchBuilder {
  #bytes: Buffer
  #end = HEADER_BYTES
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  #given = false
  /** Of the names and values of the headers that were measured last. */
  readonly #headerLengths: number[] = []

  /** `bytes`: how many it has room for at first. */
  constructor(bytes = 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(bytes, HEADER_BYTES))
  }

  get count(): number {
    return this.#count
  }

  /** Of the whole batch, not compressed. */
  get length(): number {
    return this.#end
  }

  /** Bytes that the record takes, if it is the next one. */
  sizeOf(record: RecordInput, timestamp: number): number {
    const body = this.#bodySize(record, timestamp, lengthOf(record.key), lengthOf(record.value))
    return varintSize(body) + body
  }

  /** Adds it, unless the batch would have more bytes than `most` then; answers whether it did. `timestamp` in milliseconds since 1970. */
  append(record: RecordInput, timestamp: number, most = Number.POSITIVE_INFINITY): boolean {
    const { key, value } = record
    const keyLength = lengthOf(key)
    const valueLength = lengthOf(value)
    const body = this.#bodySize(record, timestamp, keyLength, valueLength)
    const end = this.#end + varintSize(body) + body
    if (end > most) return false
    if (end > this.#bytes.length) this.#grow(end)
    if (this.#count === 0) this.#baseTimestamp = this.#maxTimestamp = timestamp
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const bytes = this.#bytes
    let at = writeVarint(bytes, this.#end, body)
    bytes[at++] = 0
    at = writeVarlong(bytes, at, timestamp - this.#baseTimestamp)
    at = writeVarint(bytes, at, this.#count)
    at = writeField(bytes, at, key, keyLength)
    at = writeField(bytes, at, value, valueLength)
    if (record.headers === undefined) bytes[at] = 0
    else this.#writeHeaders(at, record.headers)
    this.#end = end
    this.#count++
    return true
  }

  /**
   * The batch with these records; `attributes` beside what `header` says. It may be finished again under another header: what was given out
   * before stays as it is.
   */
  finish(header: BatchHeader, attributes = 0): Buffer {
    const compression = header.compression ?? 'none'
    if (this.#given && compression === 'none') this.#bytes = Buffer.from(this.#bytes)
    this.#given = true
    const batch =
      compression === 'none' ? this.#bytes.subarray(0, this.#end) : this.#compressed(compression, header.level)
    batch.writeBigInt64BE(BigInt(header.baseOffset ?? 0), 0)
    batch.writeInt32BE(batch.length - PREFIX_BYTES, 8)
    batch.writeInt32BE(header.leaderEpoch ?? -1, 12)
    batch.writeInt8(2, 16)
    const kind = COMPRESSIONS.indexOf(compression) | (header.transactional ? TRANSACTIONAL : 0) | attributes
    batch.writeInt16BE(kind, SEALED_FROM)
    batch.writeInt32BE(Math.max(this.#count - 1, 0), 23)
    batch.writeBigInt64BE(BigInt(this.#baseTimestamp), 27)
    batch.writeBigInt64BE(BigInt(this.#maxTimestamp), 35)
    batch.writeBigInt64BE(BigInt(header.producerId ?? -1), 43)
    batch.writeInt16BE(header.producerEpoch ?? -1, 51)
    batch.writeInt32BE(header.baseSequence ?? -1, 53)
    batch.writeInt32BE(this.#count, 57)
    batch.writeUInt32BE(crc32c(batch.subarray(SEALED_FROM)), 17)
    return batch
  }

  #compressed(compression: Exclude<Compression, 'none'>, level: number | undefined): Buffer {
    const body = deflate(compression, this.#bytes.subarray(HEADER_BYTES, this.#end), level)
    const batch = Buffer.allocUnsafe(HEADER_BYTES + body.length)
    body.copy(batch, HEADER_BYTES)
    return batch
  }

  #bodySize({ headers }: RecordInput, timestamp: number, keyLength: number, valueLength: number): number {
    const delta = this.#count === 0 ? 0 : timestamp - this.#baseTimestamp
    const bytes = 1 + varlongSize(delta) + varintSize(this.#count) + fieldSize(keyLength) + fieldSize(valueLength)
    if (headers === undefined) return bytes + 1
    if (headers instanceof EncodedHeaders) return bytes + varintSize(headers.count) + headers.length
    const pairs = pairsOf(headers)
    let sum = bytes + varintSize(pairs.length)
    for (let at = 0; at < pairs.length; at++) {
      // Below the length.
      const [name, value] = pairs[at] as readonly [string, Bytes]
      const nameLength = lengthOf(name)
      const valueLength = lengthOf(value)
      this.#headerLengths[2 * at] = nameLength
      this.#headerLengths[2 * at + 1] = valueLength
      sum += fieldSize(nameLength) + fieldSize(valueLength)
    }
    return sum
  }

  /** Those that were just measured. */
  #writeHeaders(from: number, headers: HeaderInput): void {
    const bytes = this.#bytes
    if (headers instanceof EncodedHeaders) {
      headers.writeTo(bytes, writeVarint(bytes, from, headers.count))
      return
    }
    const pairs = pairsOf(headers)
    const lengths = this.#headerLengths
    let end = writeVarint(bytes, from, pairs.length)
    for (let at = 0; at < pairs.length; at++) {
      const [name, value] = pairs[at] as readonly [string, Bytes]
      end = writeField(bytes, end, name, lengths[2 * at] as number)
      end = writeField(bytes, end, value, lengths[2 * at + 1] as number)
    }
  }

  #grow(needed: number): void {
    if (needed > MOST_BYTES) throw new RangeError(`A batch of ${needed} bytes: its length is an int32`)
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this.#bytes.length, MOST_BYTES)))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

function pairsOf(headers: Exclude<HeaderInput, EncodedHeaders>): HeaderPairs {
  return isPairs(headers) ? headers : Object.entries(headers)
}

function isPairs(headers: HeaderInput): headers is HeaderPairs {
  return Array.isArray(headers)
}

/** -1: null. */
function lengthOf(value: Bytes | undefined): number {
  if (value === null || value === undefined) return -1
  return typeof value === 'string' ? utf8Length(value) : value.length
}

function fieldSize(length: number): number {
  return length < 0 ? 1 : varintSize(length) + length
}

function writeField(bytes: Buffer, at: number, value: Bytes | undefined, length: number): number {
  const start = writeVarint(bytes, at, length)
  if (value === null || value === undefined) return start
  if (typeof value !== 'string') bytes.set(value, start)
  else if (length > SHORT_TEXT || length > value.length) bytes.write(value, start)
  else for (let at = 0; at < length; at++) bytes[start + at] = value.charCodeAt(at)
  return start + length
}
