import type { Delivery } from '../producer/delivery.ts'
import type { ProducerMessage } from '../producer/message.ts'
import type { Message } from '../records/message.ts'
import type { Decision, Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'

/** What a sink may use. */
export interface SinkParts {
  /** The consumer's own. */
  readonly group: string | null
  /** Ms since 1970. */
  readonly now: number
  /**
   * Resolves when all replicas in sync have it. With `work.transaction` at once: it is written when the answer is `'skip'`, in the transaction
   * that commits the message, and its partition and offset are -1.
   */
  readonly send: (message: ProducerMessage) => Promise<Delivery>
  /** Of which topic's failures this one is a retry topic; null: it is none. */
  readonly retryOf: (topic: string) => RetryPlace | null
}

/** What a retry topic is for. */
export interface RetryPlace {
  /** Whose messages failed. */
  readonly topic: string
  /** From 1 on. */
  readonly tier: number
}

/** Where messages are written whose attempts are spent, so that they can count as done. Made by `deadLetter()` or `park()`. */
export interface FailureSink {
  /** In logs: `orders.dlq`. */
  readonly name: string
  /** The topics that messages of `source` are written to; they must exist before a message of it is handled. */
  topicsFor(source: string, group: string | null): readonly string[]
  /** Those of them that the consumer is to read as well, with the same handler, a tier each. Default: none. */
  retryTopics?(group: string, source: string): readonly string[]
  /** They are made where they do not exist. */
  readonly create: boolean
  /** Resolves to `'skip'` once the message is kept, or to another decision. */
  keep(failure: Failure<AnyMessage>, parts: SinkParts): Promise<Decision>
}

/** What `work.onFailure` may answer, or be. */
export type FailureDecision = Decision | FailureSink

/** `work.onFailure`. */
export type OnFailureOption<M extends Message<unknown, unknown> = AnyMessage> =
  | FailureDecision
  | ((failure: Failure<M>) => FailureDecision | Promise<FailureDecision>)

export function isSink(value: unknown): value is FailureSink {
  return typeof value === 'object' && value !== null && 'keep' in value && typeof value.keep === 'function'
}
