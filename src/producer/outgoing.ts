import type { MillraceError } from '../base/errors.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { DeliveryError, type Receipt } from './delivery.ts'
import type { HeaderPairs } from './message.ts'

/** A message on its way into a batch: its key and value as bytes, once its serdes are through. */
export class Outgoing {
  readonly topic: string
  /** As they were given to `send`: partitioners may look at them. */
  readonly key: unknown
  readonly value: unknown
  readonly headers: HeaderPairs | undefined
  readonly timestamp: number
  /** By the clock's `now`. */
  readonly deadline: number
  readonly receipt: Receipt
  /** -1: not chosen yet. */
  partition: number
  /** Its place among all that had to wait. */
  turn = 0
  rawKey: Bytes = null
  rawValue: Bytes = null
  /** A serde is not through with it. */
  encoding = false
  #settled = false

  constructor(
    message: {
      readonly topic: string
      readonly key: unknown
      readonly value: unknown
      readonly headers: HeaderPairs | undefined
      readonly timestamp: number
      readonly partition: number
    },
    deadline: number,
    receipt: Receipt,
  ) {
    this.topic = message.topic
    this.key = message.key
    this.value = message.value
    this.headers = message.headers
    this.timestamp = message.timestamp
    this.partition = message.partition
    this.deadline = deadline
    this.receipt = receipt
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
    this.receipt.failed(new DeliveryError(code, message, 'no', { ...place, retriable, cause: error }))
  }
}
