import { CorruptBatchError } from './errors.ts'
import { skipHeaders } from './headers.ts'
import { Message, MessageSource } from './message.ts'
import type { OpenBatch, OpenOptions } from './open-batch.ts'
import type { RecordBatch } from './record-batch.ts'
import { readVarint, readVarlong, varintEnd } from './varint.ts'

/** A record is never shorter: its length, attributes, timestamp, offset, key, value and header count take a byte each. */
const MIN_RECORD_BYTES = 7

/** A cursor over the records of a batch in format v2 (https://kafka.apache.org/documentation/#record). */
export class OpenRecordBatch implements OpenBatch {
  readonly topic: string
  readonly partition: number
  readonly batch: RecordBatch
  /** The records, inflated. */
  readonly bytes: Buffer
  readonly highWatermark: number
  /** For its owner's accounting: messages taken and not yet released. */
  unsettled = 0

  private readonly source: MessageSource
  private readonly fixedTimestamp: boolean
  private readonly lastOffsetDelta: number
  private position = 0
  private left: number
  private lastDelta = -1
  private skipBelow = 0

  /** `bytes` are the inflated records of `batch`, whose checksum was verified. @throws {CorruptBatchError} */
  constructor(batch: RecordBatch, bytes: Buffer, options: OpenOptions) {
    this.topic = options.topic
    this.partition = options.partition
    this.batch = batch
    this.bytes = bytes
    this.highWatermark = options.highWatermark
    this.lastOffsetDelta = batch.lastOffset - batch.baseOffset
    this.left = batch.count
    this.fixedTimestamp = batch.timestampType === 'LogAppendTime'
    this.source = new MessageSource({
      topic: options.topic,
      partition: options.partition,
      leaderEpoch: batch.leaderEpoch,
      highWatermark: options.highWatermark,
      timestampType: batch.timestampType,
      baseOffset: batch.baseOffset,
      baseTimestamp: this.fixedTimestamp ? batch.maxTimestamp : batch.baseTimestamp,
      bytes,
      batch: this,
    })
    const possible = batch.count === 0 ? bytes.length === 0 : batch.count * MIN_RECORD_BYTES <= bytes.length
    if (!possible) throw this.corrupt(`it claims ${batch.count} records in ${bytes.length} bytes`)
  }

  /** Whether all records were read. */
  get exhausted(): boolean {
    return this.left === 0
  }

  /** Bytes held as long as this batch or one of its messages is. */
  get memory(): number {
    const compressed = this.bytes.buffer !== this.batch.buffer.buffer
    return this.batch.buffer.length + (compressed ? this.bytes.buffer.byteLength : 0)
  }

  /** Leaves out the records before this offset: a batch may begin before the one that was asked for. */
  skipTo(offset: number): void {
    this.skipBelow = offset - this.batch.baseOffset
  }

  /**
   * The next record, or null after the last. A record that makes no sense throws, and throws again when asked again: nothing
   * behind it can be trusted.
   *
   * @throws {CorruptBatchError}
   */
  next(): Message | null {
    const bytes = this.bytes
    while (this.left > 0) {
      const length = readVarint(bytes, this.position)
      let at = varintEnd
      const end = at + length
      if (length < MIN_RECORD_BYTES - 1 || end > bytes.length) throw this.corrupt(`a record claims ${length} bytes`)
      // One byte of attributes, which no version of Kafka uses.
      at++
      // Most fields are one byte long: read in place, they cost half of what five calls do.
      let timestampDelta = bytes[at++] as number
      if (timestampDelta < 128) timestampDelta = (timestampDelta >>> 1) ^ -(timestampDelta & 1)
      else {
        timestampDelta = readVarlong(bytes, at - 1)
        at = varintEnd
      }
      let offsetDelta = bytes[at++] as number
      if (offsetDelta < 128) offsetDelta = (offsetDelta >>> 1) ^ -(offsetDelta & 1)
      else {
        offsetDelta = readVarint(bytes, at - 1)
        at = varintEnd
      }
      let keyLength = bytes[at++] as number
      if (keyLength < 128) keyLength = (keyLength >>> 1) ^ -(keyLength & 1)
      else {
        keyLength = readVarint(bytes, at - 1)
        at = varintEnd
      }
      const keyStart = at
      if (keyLength > 0) at += keyLength
      if (at >= end) throw this.corrupt(`a key claims ${keyLength} bytes in a record of ${length}`)
      let valueLength = bytes[at++] as number
      if (valueLength < 128) valueLength = (valueLength >>> 1) ^ -(valueLength & 1)
      else {
        valueLength = readVarint(bytes, at - 1)
        at = varintEnd
      }
      const valueStart = at
      if (valueLength > 0) at += valueLength
      if (at >= end) throw this.corrupt(`a value claims ${valueLength} bytes in a record of ${length}`)
      // Most have no headers: a single zero.
      const headersEnd = bytes[at] === 0 ? at + 1 : skipHeaders(bytes, at, end)
      if (headersEnd !== end) throw this.corrupt(`a record of ${length} bytes and its fields do not agree`)
      if (offsetDelta <= this.lastDelta || offsetDelta > this.lastOffsetDelta)
        throw this.corrupt(this.misplaced(offsetDelta))
      if (this.left === 1 && end !== bytes.length)
        throw this.corrupt(`${bytes.length - end} bytes are left behind its last record`)
      this.left--
      this.position = end
      this.lastDelta = offsetDelta
      if (offsetDelta < this.skipBelow) continue
      const delta = this.fixedTimestamp ? 0 : timestampDelta
      return new Message(this.source, offsetDelta, delta, keyStart, keyLength, valueStart, valueLength, end)
    }
    return null
  }

  private misplaced(offsetDelta: number): string {
    const { baseOffset, lastOffset } = this.batch
    return `a record claims the offset ${baseOffset + offsetDelta}, in a batch from ${baseOffset + this.lastDelta + 1} on to ${lastOffset}`
  }

  private corrupt(reason: string): CorruptBatchError {
    const offset = this.batch.baseOffset + this.lastDelta + 1
    return new CorruptBatchError({ topic: this.topic, partition: this.partition, offset }, reason)
  }
}
