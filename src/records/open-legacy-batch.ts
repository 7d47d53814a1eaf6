import { CorruptBatchError } from './errors.ts'
import { crcMatches, type LegacyBatch, type LegacyMessage, messageEnd, readMessage } from './legacy-batch.ts'
import { readLong } from './long.ts'
import { Message, MessageSource } from './message.ts'
import type { OpenBatch, OpenOptions } from './open-batch.ts'
import { COMPRESSION_BITS } from './record-batch.ts'

/** A cursor over a message set of format 0 or 1: one message, or those of a compressed wrapper. */
export class OpenLegacyBatch implements OpenBatch {
  readonly topic: string
  readonly partition: number
  readonly batch: LegacyBatch
  readonly bytes: Buffer
  readonly highWatermark: number
  unsettled = 0

  readonly #source: MessageSource
  /** What the offsets in the bytes are relative to. */
  readonly #base: number
  #position = 0
  #lastOffset: number
  #skipBelow = 0

  /** `bytes` are the inflated message set of `batch`, whose checksum was verified. @throws {CorruptBatchError} */
  constructor(batch: LegacyBatch, bytes: Buffer, options: OpenOptions) {
    this.topic = options.topic
    this.partition = options.partition
    this.batch = batch
    this.bytes = bytes
    this.highWatermark = options.highWatermark
    this.#lastOffset = batch.baseOffset - 1
    this.#base = batch.relativeOffsets ? this.#relativeBase() : 0
    const first = this.#read()
    this.#source = new MessageSource({
      topic: options.topic,
      partition: options.partition,
      leaderEpoch: batch.leaderEpoch,
      highWatermark: options.highWatermark,
      timestampType: batch.timestampType,
      baseOffset: this.#base + first.offset,
      baseTimestamp: this.#timestamp(first),
      bytes,
      batch: this,
    })
  }

  get exhausted(): boolean {
    return this.#position === this.bytes.length
  }

  get memory(): number {
    const compressed = this.bytes.buffer !== this.batch.buffer.buffer
    return this.batch.buffer.length + (compressed ? this.bytes.buffer.byteLength : 0)
  }

  skipTo(offset: number): void {
    this.#skipBelow = offset
  }

  next(): Message | null {
    while (!this.exhausted) {
      const message = this.#read()
      const offset = this.#base + message.offset
      if (offset <= this.#lastOffset || offset > this.batch.lastOffset) throw this.#corrupt(this.#misplaced(offset))
      this.#position = message.end
      this.#lastOffset = offset
      if (offset < this.#skipBelow) continue
      const { keyStart, keyLength, valueStart, valueLength, end } = message
      const { baseOffset, baseTimestamp } = this.#source
      const timestampDelta = this.#timestamp(message) - baseTimestamp
      return new Message(
        this.#source,
        offset - baseOffset,
        timestampDelta,
        keyStart,
        keyLength,
        valueStart,
        valueLength,
        end,
      )
    }
    return null
  }

  #read(): LegacyMessage {
    const message = readMessage(this.bytes, this.#position)
    if (message === null) throw this.#corrupt('the length of a message and its fields do not agree')
    if (this.batch.compression === 'none') return message
    if (!crcMatches(this.bytes, this.#position, message.end)) {
      throw this.#corrupt('the checksum of a message inside of it does not match')
    }
    if ((message.attributes & COMPRESSION_BITS) !== 0) throw this.#corrupt('a message inside of it is compressed again')
    return message
  }

  /** Under LogAppendTime brokers change the wrapper, and leave what is inside as it came. */
  #timestamp(message: LegacyMessage): number {
    return this.batch.timestampType === 'LogAppendTime' ? this.batch.maxTimestamp : message.timestamp
  }

  /** A wrapper has the offset of its last message. */
  #relativeBase(): number {
    let last = -1
    for (let at = 0; at < this.bytes.length; ) {
      const end = messageEnd(this.bytes, at)
      if (end < 0) throw this.#corrupt('it ends inside of a message')
      last = readLong(this.bytes, at)
      at = end
    }
    const { lastOffset } = this.batch
    if (last > lastOffset) throw this.#corrupt(`its offset is ${lastOffset}, and that of its last message ${last}`)
    return lastOffset - last
  }

  #misplaced(offset: number): string {
    return `a message claims the offset ${offset}, in a batch from ${this.#lastOffset + 1} on to ${this.batch.lastOffset}`
  }

  #corrupt(reason: string): CorruptBatchError {
    const { topic, partition, batch } = this
    return new CorruptBatchError({ topic, partition, offset: batch.lastOffset }, reason)
  }
}
