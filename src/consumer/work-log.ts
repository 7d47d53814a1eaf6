import type { Logger } from '../base/logger.ts'
import { Tally } from '../metrics/tally.ts'
import type { WorkEvents } from '../work/events.ts'
import type { Decision, Failure } from '../work/failure.ts'
import type { Breaker } from './breaker.ts'
import type { AnyMessage, Claim } from './claim.ts'
import type { MessagePlace, Tell } from './events.ts'
import type { WorkCounts } from './state.ts'

export interface WorkLogParts {
  readonly logger: Logger
  readonly tell: Tell
  readonly fatal: (error: Error) => void
  readonly breaker: Breaker | null
}

/** Counts, logs and tells what becomes of messages. */
export class WorkLog implements WorkEvents<AnyMessage> {
  /** Of claims that ended; each counts its own until then. */
  readonly done = new Tally<'topic'>()
  readonly filtered = new Tally<'topic'>()
  readonly expired = new Tally<'topic'>()
  readonly retried = new Tally<'topic'>()
  readonly timeouts = new Tally<'topic'>()
  readonly abandoned = new Tally<'topic'>()
  readonly failures = new Tally<'topic' | 'reason' | 'decision'>()
  readonly fatal: (error: Error) => void
  readonly #logger: Logger
  readonly #tell: Tell
  readonly #decided: Record<Decision, number> = { skip: 0, leave: 0, hold: 0, 'skip-and-stop': 0, stop: 0 }

  readonly #breaker: Breaker | null

  constructor({ logger, tell, fatal, breaker }: WorkLogParts) {
    this.#breaker = breaker
    this.#logger = logger
    this.#tell = tell
    this.fatal = fatal
  }

  /** Since the start; `live` are the claims that have not ended. */
  counts(live: Iterable<Claim>): Omit<WorkCounts, 'kept'> {
    let [done, filtered, expired] = [this.done.total, this.filtered.total, this.expired.total]
    for (const claim of live) {
      done += claim.settled
      filtered += claim.filtered
      expired += claim.expired
    }
    const { skip, leave, hold, 'skip-and-stop': last } = this.#decided
    return {
      done,
      filtered,
      expired,
      retried: this.retried.total,
      skipped: skip + last,
      left: leave,
      held: hold,
      stuck: this.abandoned.total,
    }
  }

  ended({ topic, settled, filtered, expired }: Claim): void {
    this.done.add({ topic }, settled)
    this.filtered.add({ topic }, filtered)
    this.expired.add({ topic }, expired)
  }

  retrying({ message, error, attempts }: Failure<AnyMessage>, inMs: number): void {
    this.retried.add({ topic: message.topic })
    this.#logger.debug({ ...place(message), attempts, inMs, err: error }, 'an attempt failed, another one follows')
  }

  failed(failure: Failure<AnyMessage>, decision: Decision): void {
    const { message, error, attempts, reason } = failure
    this.failures.add({ topic: message.topic, reason, decision })
    this.#decided[decision]++
    // Where it was is in the fields: when thousands fail, the default logger writes the same message once in a while.
    this.#logger.warn(
      { ...place(message), attempts, reason, decision, err: error },
      `a message of ${message.topic} failed (${reason}, ${error.name}): ${decision}`,
    )
    this.#tell('failed', failure, decision)
    this.#breaker?.failed(failure)
  }

  timedOut({ topic }: AnyMessage): void {
    this.timeouts.add({ topic })
  }

  stuck(message: AnyMessage, afterMs: number): void {
    this.abandoned.add({ topic: message.topic })
    this.#logger.error({ ...place(message), afterMs }, 'a handler did not settle and is left to itself')
    this.#tell('stuck', { ...place(message), afterMs })
  }

  blocked(message: AnyMessage, ms: number, among: number): void {
    this.#logger.warn({ ...place(message), ms: Math.round(ms), among }, 'a handler blocked the event loop')
    this.#tell('blocked', { ...place(message), ms, among })
  }
}

function place({ topic, partition, offset }: AnyMessage): MessagePlace {
  return { topic, partition, offset }
}
