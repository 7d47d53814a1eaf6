import { partitionName } from '../base/topic-partition.ts'
import { BatchBuilder, type RecordInput } from '../records/batch-builder.ts'
import type { Compression } from '../records/record-batch.ts'
import { type Delivery, DeliveryError, type Receipt, type Written } from './delivery.ts'
import type { Identity } from './identity.ts'

export interface BatchOptions {
  readonly compression: Compression
  readonly level: number | undefined
}

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
  readonly #builder: BatchBuilder
  readonly #receipts: Receipt[] = []
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

  /** Bytes that this record would take as the next one. */
  sizeOf(record: RecordInput, timestamp: number): number {
    return this.#builder.sizeOf(record, timestamp)
  }

  add(record: RecordInput, timestamp: number, receipt: Receipt): void {
    this.#builder.append(record, timestamp)
    this.#receipts.push(receipt)
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

  number(identity: Identity | null, sequence: number): void {
    this.identity = identity
    this.sequence = sequence
    this.#bytes = null
  }

  succeeded(baseOffset: number, logAppendTime: number): void {
    const { topic, partition } = this
    this.#settle((receipt, at) => {
      const offset = baseOffset < 0 ? -1 : baseOffset + at
      const timestamp = logAppendTime >= 0 ? logAppendTime : (this.#timestamps[at] as number)
      const delivery: Delivery = { topic, partition, offset, timestamp }
      receipt.delivered(delivery)
    })
  }

  failed(error: DeliveryError): void {
    this.#settle(receipt => receipt.failed(error))
  }

  /** An error that says what became of it. */
  error(code: string, why: string, written: Written, retriable: boolean): DeliveryError {
    const { topic, partition, cause } = this
    const messages = this.count === 1 ? 'a message' : `${this.count} messages`
    const again =
      written === 'no'
        ? 'in no log'
        : 'perhaps in the log: the broker did not say, and sent again it may be there twice'
    const text = `${messages} to ${partitionName(topic, partition)}: ${why}; ${this.count === 1 ? 'it is' : 'they are'} ${again}`
    return new DeliveryError(code, text, written, { topic, partition, retriable, cause })
  }

  #settle(tell: (receipt: Receipt, at: number) => void): void {
    if (this.#settled) return
    this.#settled = true
    this.#receipts.forEach(tell)
    this.#done.resolve()
  }
}
