import { type ErrorDetails, MillraceError } from '../base/errors.ts'

/** Where a message was written. */
export interface Delivery {
  readonly topic: string
  readonly partition: number
  /** -1: not told, as with `acks: 0`, or for a message that was sent again and found written already. */
  readonly offset: number
  /** Ms since 1970: the message's own, or the broker's where the topic says so. */
  readonly timestamp: number
}

/** Whether a message that could not be delivered is in the log all the same. */
export type Written = 'no' | 'unknown'

/**
 * A message was not delivered. `code` is that of the cause, or `DELIVERY_TIMEOUT`. `written` says whether sending it again is safe: `'no'`, it
 * is in no log; `'unknown'`: it may be, and again may be twice. `retriable`: sending it again may succeed.
 */
export class DeliveryError extends MillraceError {
  readonly written: Written

  constructor(code: string, message: string, written: Written, details: ErrorDetails) {
    super(code, message, details)
    this.written = written
  }
}

/** Who is told what became of messages, each under the number that it was given. */
export interface Receipt {
  delivered(at: number, delivery: Delivery): void
  failed(at: number, error: DeliveryError): void
}
