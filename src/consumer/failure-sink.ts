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

interface Sink {
  /** In logs: `orders.dlq`. */
  readonly name: string
  /** The topics that messages of `source` are written to; they must exist before a message of it is handled. */
  topicsFor(source: string, group: string | null): readonly string[]
  /** Those of them that the consumer is to read as well, with the same handler, a tier each. Default: none. */
  retryTopics?(group: string, source: string): readonly string[]
  /** They are made where they do not exist. */
  readonly create: boolean
}

/** Has another message written for one whose attempts are spent, as `deadLetter()` does. */
export interface LetterSink extends Sink {
  /**
   * What is written. The message that failed is done once all replicas in sync have it; with `work.transaction` it is in the transaction that
   * commits what failed. Or what decides instead. If it throws, the message is held, and asked about again.
   */
  letter(failure: Failure<AnyMessage>, parts: SinkParts): ProducerMessage | FailureDecision
}

/** Keeps messages whose attempts are spent by itself, as `park()` does. */
export interface KeepingSink extends Sink {
  /** Resolves to `'skip'` once the message is kept, or to another decision. If it rejects, the message is held, and asked about again. */
  keep(failure: Failure<AnyMessage>, parts: SinkParts): Promise<Decision>
}

/** Where messages go whose attempts are spent, so that they can count as done. Made by `deadLetter()`, `retryTopic()` or `park()`. */
export type FailureSink = LetterSink | KeepingSink

/** What `work.onFailure` may answer, or be. */
export type FailureDecision = Decision | FailureSink

/** `work.onFailure`. */
export type OnFailureOption<M extends Message<unknown, unknown> = AnyMessage> =
  | FailureDecision
  | ((failure: Failure<M>) => FailureDecision | Promise<FailureDecision>)

export function isSink(value: unknown): value is FailureSink {
  if (typeof value !== 'object' || value === null) return false
  return ('letter' in value && typeof value.letter === 'function') || isKeeping(value)
}

export function isKeeping(sink: object): sink is KeepingSink {
  return 'keep' in sink && typeof sink.keep === 'function'
}
