import type { Logger } from '../base/logger.ts'
import type { WorkMessage } from '../work/claim.ts'
import type { HandlerContext } from '../work/context.ts'
import { type PackedReason, unpackReason, type WrittenLevel } from './crossing.ts'

/** Writes a line where the consumer's logger is. */
export type Tell = (level: WrittenLevel, fields: object, text: string) => void

/** What a handler in a thread is given beside its message. */
export class ThreadContext implements HandlerContext {
  readonly attempt: number
  readonly deadline: number
  readonly log: Logger
  readonly #message: WorkMessage
  readonly #controller = new AbortController()

  constructor(message: WorkMessage, attempt: number, deadline: number, tell: Tell) {
    this.attempt = attempt
    this.deadline = deadline
    this.#message = message
    const { topic, partition, offset } = message
    const at = (level: WrittenLevel) => (fields: object, text: string) =>
      tell(level, { topic, partition, offset, attempt, ...fields }, text)
    this.log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: PackedReason): void {
    this.#controller.abort(unpackReason(reason, this.#message))
  }
}
