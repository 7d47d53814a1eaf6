import type { MillraceError } from '../base/errors.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import type { Bytes, RecordInput } from '../records/batch-builder.ts'
import { DeliveryError, type Receipt } from './delivery.ts'
import type { CheckedHeaders } from './message.ts'

/** A message on its way into a batch: its key and value as bytes, once its serdes are through. */
export class Outgoing implements RecordInput {
  readonly topic: string
  /** As they were given to `send`: partitioners may look at them. */
  readonly givenKey: unknown
  readonly givenValue: unknown
  readonly headers: CheckedHeaders | undefined
  readonly timestamp: number
  readonly receipt: Receipt
  /** What the receipt calls it. */
  readonly at: number
  key: Bytes = null
  value: Bytes = null
  /** -1: not chosen yet. */
  partition: number
  /** Its place among all that had to wait. */
  turn = 0
  /** Until when it may wait, by the clock's `now`. */
  deadline = Number.POSITIVE_INFINITY
  /** What it counts for while it waits. */
  weight = 0
  /** A serde is not through with it. */
  encoding = false
  /** What was known of its topic when its partition was not there. */
  missedIn: TopicMetadata | null = null
  #settled = false

  constructor(
    message: {
      readonly topic: string
      readonly key: unknown
      readonly value: unknown
      readonly headers: CheckedHeaders | undefined
      readonly timestamp: number
      readonly partition: number
    },
    receipt: Receipt,
    at: number,
  ) {
    this.topic = message.topic
    this.givenKey = message.key
    this.givenValue = message.value
    this.headers = message.headers
    this.timestamp = message.timestamp
    this.partition = message.partition
    this.receipt = receipt
    this.at = at
  }

  /** About what its key and value take in memory; 0 while a serde is not through with it. */
  get bytes(): number {
    return this.encoding ? 0 : (this.key?.length ?? 0) + (this.value?.length ?? 0)
  }

  get settled(): boolean {
    return this.#settled
  }

  /** It was sent to no broker. */
  fail(error: MillraceError): void {
    if (this.#settled) return
    this.#settled = true
    const { code, message, retriable, partition } = error
    const place = { topic: this.topic, ...(partition === undefined ? {} : { partition }) }
    this.receipt.failed(this.at, new DeliveryError(code, message, 'no', { ...place, retriable, cause: error }))
  }
}
