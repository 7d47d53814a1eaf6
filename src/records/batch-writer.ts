import { deflate } from './compression.ts'
import { crc32c } from './crc32c.ts'
import {
  COMPRESSIONS,
  CONTROL,
  type Compression,
  HEADER_BYTES,
  PREFIX_BYTES,
  SEALED_FROM,
  TRANSACTIONAL,
} from './record-batch.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

type Bytes = Buffer | string | null

export interface RecordInput {
  /** Strings are written as UTF-8. Default null. */
  readonly key?: Bytes | undefined
  readonly value?: Bytes | undefined
  /** As pairs where a name comes more than once. */
  readonly headers?: Readonly<Record<string, Bytes>> | readonly (readonly [name: string, value: Bytes])[] | undefined
  /** Milliseconds since 1970. Default: the batch's `now`. */
  readonly timestamp?: number | undefined
}

export interface BatchOptions {
  /** Default `'none'`. */
  readonly compression?: Compression | undefined
  /** Of gzip and zstd; default: the codec's own. The others have none. */
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
  /** Timestamp of records that have none, milliseconds since 1970. Default: the time of the call. */
  readonly now?: number | undefined
}

/** One record batch in format v2 (https://kafka.apache.org/documentation/#recordbatch), ready to be produced. */
export function writeBatch(records: readonly RecordInput[], options: BatchOptions = {}): Buffer {
  return write(records, options, 0)
}

export interface EndMarker {
  readonly type: 'abort' | 'commit'
  readonly producerId: number | bigint
  readonly producerEpoch: number
  /** Default 0. */
  readonly coordinatorEpoch?: number | undefined
  readonly baseOffset?: number | undefined
  readonly leaderEpoch?: number | undefined
  readonly now?: number | undefined
}

/** The control batch that ends a transaction in one partition, as a broker writes it (KIP-98). */
export function writeEndMarker(marker: EndMarker): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.type === 'abort' ? 0 : 1, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch ?? 0, 2)
  return write([{ key, value }], { ...marker, transactional: true }, CONTROL)
}

function write(records: readonly RecordInput[], options: BatchOptions, attributes: number): Buffer {
  const now = options.now ?? Date.now()
  const timestamps = records.map(record => record.timestamp ?? now)
  const baseTimestamp = timestamps[0] ?? now
  const maxTimestamp = timestamps.reduce((max, timestamp) => Math.max(max, timestamp), baseTimestamp)
  const prepared = records.map(
    (record, index) => new PreparedRecord(record, index, (record.timestamp ?? now) - baseTimestamp),
  )
  const plain = Buffer.allocUnsafe(prepared.reduce((sum, record) => sum + record.totalBytes, 0))
  prepared.reduce((at, record) => record.write(plain, at), 0)

  const compression = options.compression ?? 'none'
  const body = compression === 'none' ? plain : deflate(compression, plain, options.level)
  const batch = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  batch.writeBigInt64BE(BigInt(options.baseOffset ?? 0), 0)
  batch.writeInt32BE(batch.length - PREFIX_BYTES, 8)
  batch.writeInt32BE(options.leaderEpoch ?? -1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(
    COMPRESSIONS.indexOf(compression) | (options.transactional ? TRANSACTIONAL : 0) | attributes,
    SEALED_FROM,
  )
  batch.writeInt32BE(Math.max(records.length - 1, 0), 23)
  batch.writeBigInt64BE(BigInt(baseTimestamp), 27)
  batch.writeBigInt64BE(BigInt(maxTimestamp), 35)
  batch.writeBigInt64BE(BigInt(options.producerId ?? -1), 43)
  batch.writeInt16BE(options.producerEpoch ?? -1, 51)
  batch.writeInt32BE(options.baseSequence ?? -1, 53)
  batch.writeInt32BE(records.length, 57)
  body.copy(batch, HEADER_BYTES)
  batch.writeUInt32BE(crc32c(batch.subarray(SEALED_FROM)), 17)
  return batch
}

/** A record whose sizes are known, so that it can be written in one pass. */
class PreparedRecord {
  readonly totalBytes: number
  readonly #bodyBytes: number
  readonly #offsetDelta: number
  readonly #timestampDelta: number
  readonly #key: Buffer | null
  readonly #value: Buffer | null
  readonly #headers: readonly (readonly [Buffer, Buffer | null])[]

  constructor(record: RecordInput, offsetDelta: number, timestampDelta: number) {
    this.#offsetDelta = offsetDelta
    this.#timestampDelta = timestampDelta
    this.#key = toBytes(record.key)
    this.#value = toBytes(record.value)
    const headers = record.headers ?? []
    this.#headers = (isPairs(headers) ? headers : Object.entries(headers)).map(([name, value]) => [
      Buffer.from(name),
      toBytes(value),
    ])
    let bytes =
      1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + fieldSize(this.#key) + fieldSize(this.#value)
    bytes += varintSize(this.#headers.length)
    for (const [name, value] of this.#headers) bytes += fieldSize(name) + fieldSize(value)
    this.#bodyBytes = bytes
    this.totalBytes = varintSize(bytes) + bytes
  }

  /** Answers the place behind it. */
  write(bytes: Buffer, start: number): number {
    let at = writeVarint(bytes, start, this.#bodyBytes)
    bytes[at++] = 0
    at = writeVarlong(bytes, at, this.#timestampDelta)
    at = writeVarint(bytes, at, this.#offsetDelta)
    at = writeField(bytes, at, this.#key)
    at = writeField(bytes, at, this.#value)
    at = writeVarint(bytes, at, this.#headers.length)
    for (const [name, value] of this.#headers) at = writeField(bytes, writeField(bytes, at, name), value)
    return at
  }
}

function isPairs(headers: NonNullable<RecordInput['headers']>): headers is readonly (readonly [string, Bytes])[] {
  return Array.isArray(headers)
}

function toBytes(value: Bytes | undefined): Buffer | null {
  return typeof value === 'string' ? Buffer.from(value) : (value ?? null)
}

function fieldSize(value: Buffer | null): number {
  return value === null ? 1 : varintSize(value.length) + value.length
}

function writeField(bytes: Buffer, at: number, value: Buffer | null): number {
  if (value === null) return writeVarint(bytes, at, -1)
  const start = writeVarint(bytes, at, value.length)
  value.copy(bytes, start)
  return start + value.length
}
