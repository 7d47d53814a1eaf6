import { isUtf8 } from 'node:buffer'
import { inspect } from 'node:util'
import { partitionName } from '../base/topic-partition.ts'
import { type Headers, NO_HEADERS, readHeaders } from './headers.ts'
import type { OpenBatch } from './open-batch.ts'
import type { TimestampType } from './record-batch.ts'

/** What the messages of one batch have in common. A detached message has one of its own, without the batch. */
export class MessageSource {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly timestampType: TimestampType
  readonly baseOffset: number
  readonly baseTimestamp: number
  readonly bytes: Buffer
  /** Null once detached. */
  readonly batch: OpenBatch | null

  constructor(like: MessageSource) {
    this.topic = like.topic
    this.partition = like.partition
    this.leaderEpoch = like.leaderEpoch
    this.highWatermark = like.highWatermark
    this.timestampType = like.timestampType
    this.baseOffset = like.baseOffset
    this.baseTimestamp = like.baseTimestamp
    this.bytes = like.bytes
    this.batch = like.batch
  }
}

/** A message as `JSON.stringify` shows it. Bytes are text where they are UTF-8, else `{ base64 }`. */
export interface MessageJson {
  topic: string
  partition: number
  offset: number
  timestamp: number
  timestampType: TimestampType
  key: unknown
  value: unknown
  headers: [name: string, value: unknown][]
}

/** What a serde made of a key or a value, as it travels to another thread; null: nothing, the bytes stand for themselves. */
type PackedField = null | { readonly decoded: unknown } | { readonly bytes: Uint8Array<ArrayBuffer> }

/** A message as it travels to another thread: all but its bytes is small. */
export interface PackedMessage {
  readonly source: Omit<MessageSource, 'bytes' | 'batch'>
  /** Of its own, from the key's first byte to the end of the headers. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly keyLength: number
  readonly valueStart: number
  readonly valueLength: number
  readonly key: PackedField
  readonly value: PackedField
}

/** Stands for "not decoded": a serde may answer anything, undefined too. */
const RAW = Symbol('raw')

/**
 * One message. Bytes stay in the record batch; keys, values and headers are views made when asked for.
 *
 * `key` and `value` are what the route's serdes made of the bytes, or the bytes themselves where there is none.
 */
export class Message<K = Buffer | null, V = Buffer | null> {
  // `declare`: fields that are defined first and assigned then cost a fifth of the reading.
  declare private source: MessageSource
  declare private readonly offsetDelta: number
  declare private readonly timestampDelta: number
  declare private keyStart: number
  declare private readonly keyLength: number
  declare private valueStart: number
  declare private readonly valueLength: number
  /** Behind the headers, which follow the value. */
  declare private end: number
  declare private decodedKey: unknown
  declare private decodedValue: unknown
  declare private cachedHeaders: Headers | null

  /** Made by the `next` of an open batch: all places lie inside `source.bytes`, lengths of -1 are null. */
  constructor(
    source: MessageSource,
    offsetDelta: number,
    timestampDelta: number,
    keyStart: number,
    keyLength: number,
    valueStart: number,
    valueLength: number,
    end: number,
  ) {
    this.source = source
    this.offsetDelta = offsetDelta
    this.timestampDelta = timestampDelta
    this.keyStart = keyStart
    this.keyLength = keyLength
    this.valueStart = valueStart
    this.valueLength = valueLength
    this.end = end
    this.decodedKey = RAW
    this.decodedValue = RAW
    this.cachedHeaders = null
  }

  get topic(): string {
    return this.source.topic
  }

  get partition(): number {
    return this.source.partition
  }

  get offset(): number {
    return this.source.baseOffset + this.offsetDelta
  }

  /** Milliseconds since 1970; -1 when there is none. */
  get timestamp(): number {
    return this.source.baseTimestamp + this.timestampDelta
  }

  /** Whether the timestamp is the producer's or the broker's; `'NoTimestampType'` where the format has none (before Kafka 0.10). */
  get timestampType(): TimestampType {
    return this.source.timestampType
  }

  /** Epoch of the leader that wrote it, -1 when unknown. */
  get leaderEpoch(): number {
    return this.source.leaderEpoch
  }

  /** End of the partition, as far as it was known when this message was fetched: the offset of the next one to be written. */
  get highWatermark(): number {
    return this.source.highWatermark
  }

  get rawKey(): Buffer | null {
    return this.keyLength < 0 ? null : this.source.bytes.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  get rawValue(): Buffer | null {
    return this.valueLength < 0 ? null : this.source.bytes.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  get key(): K {
    return (this.decodedKey === RAW ? this.rawKey : this.decodedKey) as K
  }

  get value(): V {
    return (this.decodedValue === RAW ? this.rawValue : this.decodedValue) as V
  }

  get headers(): Headers {
    const at = this.valueStart + Math.max(this.valueLength, 0)
    // Formats before v2 have not even a count of them.
    this.cachedHeaders ??= at === this.end ? NO_HEADERS : readHeaders(this.source.bytes, at)
    return this.cachedHeaders
  }

  /** Bytes of key and value. */
  get size(): number {
    return Math.max(this.keyLength, 0) + Math.max(this.valueLength, 0)
  }

  /** The batch whose memory this message keeps; null once detached. @internal */
  get openBatch(): OpenBatch | null {
    return this.source.batch
  }

  get detached(): boolean {
    return this.source.batch === null
  }

  /** Bytes of its own that a detached message keeps; 0 before. @internal */
  get memory(): number {
    return this.detached ? this.source.bytes.length : 0
  }

  /** From now on `key` and `value` are these. Answers itself, under its new type. @internal */
  decoded<DecodedK, DecodedV>(key: DecodedK, value: DecodedV): Message<DecodedK, DecodedV> {
    this.decodedKey = key
    this.decodedValue = value
    return this as unknown as Message<DecodedK, DecodedV>
  }

  /** A hash of the key's bytes and the partition, 0 … 2^30 − 1; -1 without a key. An empty key is a key. */
  keyHash(seed: number): number {
    if (this.keyLength < 0) return -1
    return hash(this.source.bytes, this.keyStart, this.keyStart + this.keyLength, seed ^ this.source.partition)
  }

  /** Whether the bytes of both keys are the same. No key is not an empty one. */
  hasKeyOf(other: Message<unknown, unknown>): boolean {
    const { keyStart, keyLength } = this
    if (keyLength !== other.keyLength) return false
    const { keyStart: otherStart } = other
    return (
      keyLength <= 0 ||
      this.source.bytes.compare(
        other.source.bytes,
        otherStart,
        otherStart + keyLength,
        keyStart,
        keyStart + keyLength,
      ) === 0
    )
  }

  /**
   * Copies its own bytes out of the batch, so that the batch can be freed. Once is enough. For the reservoir alone, which counts
   * who needs a batch.
   *
   * @internal
   */
  detach(): void {
    const { source, keyStart } = this
    if (source.batch === null) return
    const bytes = Buffer.allocUnsafeSlow(this.end - keyStart)
    source.bytes.copy(bytes, 0, keyStart, this.end)
    this.source = new MessageSource({ ...source, bytes, batch: null })
    this.keyStart = 0
    this.valueStart -= keyStart
    this.end -= keyStart
    this.cachedHeaders = null
    // Serdes may answer the views they were given.
    if (isViewOf(source.bytes, this.decodedKey)) this.decodedKey = this.rawKey
    if (isViewOf(source.bytes, this.decodedValue)) this.decodedValue = this.rawValue
  }

  /** Itself with a copy of its bytes, which may be moved to another thread. @internal */
  packed(): PackedMessage {
    const { source, keyStart, keyLength, valueStart, valueLength, end, offset, timestamp } = this
    const { topic, partition, leaderEpoch, highWatermark, timestampType } = source
    const bytes = new Uint8Array(end - keyStart)
    source.bytes.copy(bytes, 0, keyStart, end)
    return {
      source: {
        topic,
        partition,
        leaderEpoch,
        highWatermark,
        timestampType,
        baseOffset: offset,
        baseTimestamp: timestamp,
      },
      bytes,
      keyLength,
      valueStart: valueStart - keyStart,
      valueLength,
      key: packedField(this.decodedKey, this.rawKey),
      value: packedField(this.decodedValue, this.rawValue),
    }
  }

  /** The message that was packed. @internal */
  static unpacked({ source, bytes, keyLength, valueStart, valueLength, key, value }: PackedMessage): AnyMessage {
    const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const place = new MessageSource({ ...source, bytes: own, batch: null })
    const message: AnyMessage = new Message(place, 0, 0, 0, keyLength, valueStart, valueLength, own.length)
    message.decodedKey = unpackedField(key)
    message.decodedValue = unpackedField(value)
    return message
  }

  toJSON(): MessageJson {
    return {
      topic: this.topic,
      partition: this.partition,
      offset: this.offset,
      timestamp: this.timestamp,
      timestampType: this.timestampType,
      key: readable(this.key),
      value: readable(this.value),
      headers: this.headers.raw.map(([name, value]) => [name, readable(value)]),
    }
  }

  [inspect.custom](_depth: number, options: object, inspectValue: typeof inspect): string {
    const { topic, partition, offset, timestamp, key, value, headers } = this.toJSON()
    const time = new Date(timestamp)
    const shown = { timestamp: Number.isNaN(time.getTime()) ? timestamp : time.toISOString(), key, value, headers }
    return `Message ${partitionName(topic, partition)}@${offset} ${inspectValue(shown, options)}`
  }
}

type AnyMessage = Message<unknown, unknown>

/** A view is copied: with it, all of the batch would travel. */
function packedField(decoded: unknown, raw: Buffer | null): PackedField {
  if (decoded === RAW) return null
  if (!Buffer.isBuffer(decoded)) return { decoded }
  const same = raw !== null && decoded.buffer === raw.buffer && decoded.byteOffset === raw.byteOffset
  return same && decoded.length === raw.length ? null : { bytes: new Uint8Array(decoded) }
}

function unpackedField(field: PackedField): unknown {
  if (field === null) return RAW
  if ('decoded' in field) return field.decoded
  return Buffer.from(field.bytes.buffer, field.bytes.byteOffset, field.bytes.byteLength)
}

function isViewOf(bytes: Buffer, value: unknown): boolean {
  return value instanceof Uint8Array && value.buffer === bytes.buffer
}

/** Bytes as people want to see them: text where they are text. */
function readable(value: unknown): unknown {
  if (!Buffer.isBuffer(value)) return value
  return isUtf8(value) ? value.toString() : { base64: value.toString('base64') }
}

/** In the manner of MurmurHash3, seeded so that nobody can choose keys that collide. */
function hash(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let h = 0x9747_b28c ^ seed
  let at = start
  for (; at + 4 <= end; at += 4) {
    let k =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    k = Math.imul(k, 0xcc9e_2d51)
    k = (k << 15) | (k >>> 17)
    h ^= Math.imul(k, 0x1b87_3593)
    h = (h << 13) | (h >>> 19)
    h = (Math.imul(h, 5) + 0xe654_6b64) | 0
  }
  for (; at < end; at++) h = Math.imul(h ^ (bytes[at] as number), 0x0100_0193)
  h ^= end - start
  h ^= h >>> 16
  h = Math.imul(h, 0x85eb_ca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2_ae35)
  h ^= h >>> 16
  return h >>> 2
}
