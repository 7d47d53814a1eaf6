import type { Clock } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { Message } from '../records/message.ts'
import type { AnyMessage } from './claim.ts'

export interface SieveParts {
  readonly filter: ((message: Message) => boolean) | null
  /** Null: messages never expire. */
  readonly expireAfterMs: number | null
  readonly clock: Clock
  /** The filter threw: nothing may be left out, and nothing handled that it might have left out. */
  readonly failed: (error: MillraceError) => void
}

/** Why a message is not handed to a handler although it was not done; `'unknown'`: the filter failed. */
export type LeftOut = 'filtered' | 'expired' | 'unknown'

/** What of a route's messages is done without a handler, as its options say. */
export class Sieve {
  readonly #parts: SieveParts

  constructor(parts: SieveParts) {
    this.#parts = parts
  }

  /** Null: it is to be handled. */
  leavesOut(message: AnyMessage): LeftOut | null {
    if (this.expired(message)) return 'expired'
    const { filter, failed } = this.#parts
    if (filter === null) return null
    try {
      // Its serdes have not run yet.
      if (filter(message as Message)) return null
      return 'filtered'
    } catch (thrown) {
      const { topic, partition, offset } = message
      const { message: why } = toError(thrown)
      const text = `work.filter failed for ${partitionName(topic, partition)} offset ${offset}: ${why}; nothing was left out`
      failed(new MillraceError('FILTER', text, { topic, partition, offset, cause: thrown }))
      return 'unknown'
    }
  }

  /** Whether it is too old by now. */
  expired({ timestamp }: AnyMessage): boolean {
    const { expireAfterMs, clock } = this.#parts
    // Without a timestamp nobody knows how old it is.
    return expireAfterMs !== null && timestamp >= 0 && clock.wallTime() - timestamp > expireAfterMs
  }
}
