import { MillraceError, OptionError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { WorkMessage } from './claim.ts'

/**
 * What becomes of a message whose attempts are spent.
 *
 * - `'skip'`: it counts as done and is committed.
 * - `'leave'`: it is not done; it comes again after `work.redeliverMs`, or after a restart. Other messages go on, its key too.
 * - `'hold'`: it and the messages behind it with the same key wait; it is tried again at the largest backoff. Others go on.
 * - `'skip-and-stop'`: as `'skip'`, then as `'stop'`.
 * - `'stop'`: it is not done; the consumer drains, commits what is done, and `run()` rejects with the cause.
 */
export type Decision = 'skip' | 'leave' | 'hold' | 'skip-and-stop' | 'stop'

const decisions: ReadonlySet<unknown> = new Set<Decision>(['skip', 'leave', 'hold', 'skip-and-stop', 'stop'])

export function isDecision(value: unknown): value is Decision {
  return decisions.has(value)
}

/**
 * Why a message failed: its handler threw or rejected (`'error'`), outlived its timeout and then rejected (`'timeout'`), its
 * bytes could not be decoded (`'decode'`), or its handler never settled (`'abandoned'`).
 */
export type FailureReason = 'error' | 'timeout' | 'decode' | 'abandoned'

export interface Failure<M extends WorkMessage = WorkMessage> {
  readonly message: M
  readonly error: Error
  /** Attempts made so far, this one included. */
  readonly attempts: number
  readonly reason: FailureReason
}

/**
 * How long to wait before the next attempt, ms: `attempt` 1 is the wait after the first failure, `error` what that was. What `exponential()`
 * and `constant()` make is one.
 */
export type FailureBackoff = ((attempt: number, random: Random, error: Error) => number) & {
  /** The longest wait this backoff ever answers, and the one between two probes of a message that is held. */
  readonly maxMs: number
}

/** A decision, or a function that makes one. A function that throws, or answers something else, stops the consumer. */
export type OnFailure<M extends WorkMessage = WorkMessage> =
  | Decision
  | ((failure: Failure<M>) => Decision | PromiseLike<Decision>)

/** Thrown by a handler that wants another attempt after `afterMs` and not after the backoff. It uses up an attempt. */
export class Retry extends MillraceError {
  readonly afterMs: number

  constructor(options: { afterMs: number; cause?: unknown }) {
    const { afterMs } = options
    if (!(afterMs >= 0 && afterMs < Number.POSITIVE_INFINITY)) {
      throw new OptionError(`Retry's afterMs is ${afterMs}; it takes milliseconds, 0 or more`)
    }
    super('RETRY', `the handler asked for another attempt in ${options.afterMs} ms`, {
      retriable: true,
      cause: options.cause,
    })
    this.afterMs = options.afterMs
  }
}

/** Thrown by a handler that knows that further attempts are useless: `onFailure` is asked at once. */
export class Poison extends MillraceError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('POISON', message, { cause: options.cause })
  }
}

/** What a handler that runs serdes by itself rejects with when one of them failed. */
export class Undecoded extends Error {
  readonly error: Error

  constructor(error: Error) {
    super(error.message, { cause: error })
    this.error = error
  }
}

/** Reason of a handler's `signal`, and error of a message, whose handler outlived `work.timeoutMs`. */
export class HandlerTimeout extends MillraceError {
  constructor(message: WorkMessage, timeoutMs: number) {
    super(
      'HANDLER_TIMEOUT',
      `the handler of ${message.topic}[${message.partition}] offset ${message.offset} ran longer than ${timeoutMs} ms`,
      { topic: message.topic, partition: message.partition, offset: message.offset, retriable: true },
    )
  }
}

/** Error of a message whose handler did not settle within `work.timeoutMs` and `work.abandonMs` together. */
export class HandlerAbandoned extends MillraceError {
  constructor(message: WorkMessage, afterMs: number) {
    super(
      'HANDLER_ABANDONED',
      `the handler of ${message.topic}[${message.partition}] offset ${message.offset} did not settle within ${afterMs} ms ` +
        'although its signal was aborted; it is left to itself. Pass context.signal on to what it waits for',
      { topic: message.topic, partition: message.partition, offset: message.offset },
    )
  }
}

/** The partition goes to another member: reason of the signal of handlers that still run when the drain is over. */
export class PartitionRevoked extends MillraceError {
  constructor(topic: string, partition: number) {
    super('PARTITION_REVOKED', `${topic}[${partition}] was revoked`, { topic, partition, retriable: true })
  }
}

/** The partition is no longer owned; nothing can be committed for it. */
export class PartitionLost extends MillraceError {
  constructor(topic: string, partition: number) {
    super('PARTITION_LOST', `${topic}[${partition}] was lost`, { topic, partition, retriable: true })
  }
}

/** The consumer closes, and the drain is over. */
export class Closing extends MillraceError {
  constructor() {
    super('CLOSING', 'the consumer is closing', { retriable: true })
  }
}

/** A failure whose decision was to stop; `cause` is the handler's error. Rejects `run()`. */
export class WorkStopped extends MillraceError {
  constructor(failure: Failure) {
    const { message, attempts, error } = failure
    super(
      'WORK_STOPPED',
      `stopped at ${message.topic}[${message.partition}] offset ${message.offset} after ${attempts} ` +
        `attempt${attempts === 1 ? '' : 's'}: ${error.message}`,
      { topic: message.topic, partition: message.partition, offset: message.offset, cause: error },
    )
  }
}
