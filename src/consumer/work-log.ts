import type { Logger } from '../base/logger.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { WorkEvents } from '../work/events.ts'
import type { Decision, Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'
import type { MessagePlace, Tell } from './events.ts'
import type { WorkCounts } from './state.ts'

/** Counts, logs and tells what becomes of messages. */
export class WorkLog implements WorkEvents<AnyMessage> {
  /** `done` is of claims that ended; each counts its own until then. */
  readonly counts: { -readonly [K in keyof WorkCounts]: number } = {
    done: 0,
    retried: 0,
    skipped: 0,
    left: 0,
    held: 0,
    stuck: 0,
  }
  readonly fatal: (error: Error) => void
  readonly #logger: Logger
  readonly #tell: Tell

  constructor({ logger, tell, fatal }: { logger: Logger; tell: Tell; fatal: (error: Error) => void }) {
    this.#logger = logger
    this.#tell = tell
    this.fatal = fatal
  }

  retrying({ message, error, attempts }: Failure<AnyMessage>, inMs: number): void {
    this.counts.retried++
    this.#logger.debug({ ...place(message), attempts, inMs, err: error }, 'an attempt failed, another one follows')
  }

  failed(failure: Failure<AnyMessage>, decision: Decision): void {
    const { message, error, attempts, reason } = failure
    if (decision === 'skip' || decision === 'skip-and-stop') this.counts.skipped++
    else if (decision === 'leave') this.counts.left++
    else if (decision === 'hold') this.counts.held++
    this.#logger.warn(
      { ...place(message), attempts, reason, decision, err: error },
      `${partitionName(message.topic, message.partition)} offset ${message.offset} failed (${reason}): ${decision}`,
    )
    this.#tell('failed', failure, decision)
  }

  stuck(message: AnyMessage, afterMs: number): void {
    this.counts.stuck++
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
