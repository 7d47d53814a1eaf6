import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { WorkMessage } from './claim.ts'
import { HandlerAbandoned } from './failure.ts'

/** What a handler is given beside its message. A fresh object for each attempt, valid as long as anyone keeps it. */
export interface HandlerContext {
  /**
   * Aborted when the handler should give up; its reason is a `HandlerTimeout`, `PartitionRevoked`, `PartitionLost` or
   * `Closing`. Pass it on to whatever the handler waits for.
   */
  readonly signal: AbortSignal
  /** 1 for the first attempt. */
  readonly attempt: number
  /** When the signal will be aborted for the timeout: ms since 1970. */
  readonly deadline: number
  /** Logs with topic, partition, offset and attempt. */
  readonly log: Logger
}

/** What all attempts of a dispatcher share. */
export interface AttemptEnvironment {
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * One attempt. One is made for each message, so it is small: the controller is made when `signal` is first asked for, which most
 * handlers never do.
 */
export class Attempt implements HandlerContext {
  readonly attempt: number
  readonly #message: WorkMessage
  readonly #environment: AttemptEnvironment
  /** Whole milliseconds: a fraction would cost an object of its own. */
  readonly #timeoutAt: number
  #controller: AbortController | null = null
  #reason: Error | null = null

  constructor(message: WorkMessage, attempt: number, timeoutAt: number, environment: AttemptEnvironment) {
    this.attempt = attempt
    this.#message = message
    this.#timeoutAt = timeoutAt
    this.#environment = environment
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#reason !== null) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get deadline(): number {
    const { clock } = this.#environment
    return Math.round(clock.wallTime() + this.#timeoutAt - clock.now())
  }

  get log(): Logger {
    const { topic, partition, offset } = this.#message
    const place = { topic, partition, offset, attempt: this.attempt }
    const { logger } = this.#environment
    return {
      debug: (fields, message) => logger.debug({ ...place, ...fields }, message),
      info: (fields, message) => logger.info({ ...place, ...fields }, message),
      warn: (fields, message) => logger.warn({ ...place, ...fields }, message),
      error: (fields, message) => logger.error({ ...place, ...fields }, message),
    }
  }

  /** Why the signal was aborted, or null. */
  get aborted(): Error | null {
    return this.#reason
  }

  /** It was left to itself: what it still answers is heard by nobody. */
  get abandoned(): boolean {
    return this.#reason instanceof HandlerAbandoned
  }

  abandon(error: HandlerAbandoned): void {
    this.#reason = error
  }

  /** Only the first reason counts. */
  abort(reason: Error): void {
    if (this.#reason !== null) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}
