import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { BatchBuilder } from '../records/batch-builder.ts'
import { OpenRecordBatch } from '../records/open-record-batch.ts'
import { type Compression, HEADER_BYTES, RecordBatch } from '../records/record-batch.ts'
import { DeliveryError, type Receipt, type Written } from './delivery.ts'
import type { Identity } from './identity.ts'
import type { Outgoing } from './outgoing.ts'

export interface BatchOptions {
  readonly compression: Compression
  readonly level: number | undefined
}

/** Sequence numbers of a producer that there are; the first one follows the last (KIP-98). */
export const SEQUENCES = 2 ** 31

/** Messages of one partition that are sent together, from the first that is added until all are told what became of them. */
export class ProducerBatch {
  readonly topic: string
  readonly partition: number
  /** By the clock's `now`: when its first message came, and until when it is tried. */
  readonly createdAt: number
  readonly deadline: number
  /** Takes no more messages. */
  sealed = false
  /** Attempts that were begun. */
  attempts = 0
  /** Under whom, and from which sequence number on, it was sent; null: it has no number, or needs another. */
  identity: Identity | null = null
  sequence = -1
  /** An attempt ended without an answer, or with one that does not say whether it was written. */
  uncertain = false
  /** Why the last attempt failed. */
  cause: Error | null = null
  /** What its messages were told, when they were not delivered. */
  failure: DeliveryError | null = null
  readonly #builder: BatchBuilder
  /** Of each message: whom to tell, under which number, and its timestamp. */
  readonly #receipts: Receipt[] = []
  readonly #places: number[] = []
  readonly #timestamps: number[] = []
  #settled = false
  #bytes: Buffer | null = null
  readonly #done = Promise.withResolvers<void>()

  constructor(topic: string, partition: number, createdAt: number, deadline: number, bytes: number) {
    this.topic = topic
    this.partition = partition
    this.createdAt = createdAt
    this.deadline = deadline
    this.#builder = new BatchBuilder(bytes)
  }

  get count(): number {
    return this.#receipts.length
  }

  /** Not compressed. */
  get length(): number {
    return this.#builder.length
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Resolves when all messages are told what became of them; never rejects. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Bytes that this message would take as the next one. */
  sizeOf(message: Outgoing): number {
    return this.#builder.sizeOf(message, message.timestamp)
  }

  /** Adds it, unless there would be more bytes than `most` then; answers whether it did. */
  add(message: Outgoing, most: number): boolean {
    if (!this.#builder.append(message, message.timestamp, most)) return false
    this.#note(message.receipt, message.at, message.timestamp)
    return true
  }

  #note(receipt: Receipt, place: number, timestamp: number): void {
    this.#receipts.push(receipt)
    this.#places.push(place)
    this.#timestamps.push(timestamp)
  }

  /** What is sent; the same bytes each time, unless it got another sequence number. */
  bytes({ compression, level }: BatchOptions, transactional: boolean): Buffer {
    this.sealed = true
    this.#bytes ??= this.#builder.finish({
      compression,
      level,
      transactional,
      producerId: this.identity?.producerId ?? -1,
      producerEpoch: this.identity?.epoch ?? -1,
      baseSequence: this.sequence,
    })
    return this.#bytes
  }

  /**
   * Its messages as two batches, for a broker that takes no more at once. They have its numbers, its deadline and its past; it is over when
   * they are.
   */
  split(): readonly [ProducerBatch, ProducerBatch] {
    const { topic, partition } = this
    const whole = new RecordBatch(this.#builder.finish({}))
    const place = { topic, partition, maxInflatedBytes: Number.POSITIVE_INFINITY, highWatermark: -1 }
    const open = new OpenRecordBatch(whole, whole.buffer.subarray(HEADER_BYTES), place)
    const half = HEADER_BYTES + (this.length - HEADER_BYTES) / 2
    const first = this.#part(0, half)
    let second: ProducerBatch | null = null
    for (let message = open.next(); message !== null; message = open.next()) {
      const at = message.offset
      const { rawKey: key, rawValue: value } = message
      const record = { key, value, headers: message.headers.raw }
      if (second === null && at > 0 && (first.length >= half || at === this.count - 1)) second = this.#part(at, half)
      const part = second ?? first
      part.#builder.append(record, this.#timestamps[at] as number)
      part.#note(this.#receipts[at] as Receipt, this.#places[at] as number, this.#timestamps[at] as number)
    }
    // The last message is in it, at the latest.
    const parts = [first, second as ProducerBatch] as const
    void Promise.all(parts.map(part => part.done)).then(() => this.#done.resolve())
    return parts
  }

  /** One that begins with this message. */
  #part(at: number, half: number): ProducerBatch {
    const part = new ProducerBatch(this.topic, this.partition, this.createdAt, this.deadline, Math.ceil(half))
    part.sealed = true
    part.attempts = this.attempts
    part.uncertain = this.uncertain
    part.cause = this.cause
    if (this.sequence >= 0) part.number(this.identity, (this.sequence + at) % SEQUENCES)
    return part
  }

  number(identity: Identity | null, sequence: number): void {
    this.identity = identity
    this.sequence = sequence
    this.#bytes = null
  }

  succeeded(baseOffset: number, logAppendTime: number): void {
    if (!this.#settle()) return
    const { topic, partition } = this
    const receipts = this.#receipts
    for (let at = 0; at < receipts.length; at++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + at
      // One of each per message.
      const timestamp = logAppendTime >= 0 ? logAppendTime : (this.#timestamps[at] as number)
      const receipt = receipts[at] as Receipt
      receipt.delivered(this.#places[at] as number, { topic, partition, offset, timestamp })
    }
  }

  failed(error: DeliveryError): void {
    if (!this.#settle()) return
    this.failure = error
    for (const [at, receipt] of this.#receipts.entries()) receipt.failed(this.#places[at] as number, error)
  }

  /** An error that says what became of it. */
  error(code: string, why: string, written: Written, retriable: boolean): DeliveryError {
    const { topic, partition, cause } = this
    const broker = cause instanceof MillraceError ? cause.broker : undefined
    const messages = this.count === 1 ? 'a message' : `${this.count} messages`
    const again =
      written === 'no'
        ? 'in no log'
        : 'perhaps in the log: the broker did not say, and sent again it may be there twice'
    const text = `${messages} to ${partitionName(topic, partition)}: ${why}; ${this.count === 1 ? 'it is' : 'they are'} ${again}`
    return new DeliveryError(code, text, written, { topic, partition, broker, retriable, cause })
  }

  /** Whether it was not settled before. */
  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#done.resolve()
    return true
  }
}
