import { MillraceError } from '../base/errors.ts'
import { type ErrorName, errorCodes } from '../protocol/error-codes.ts'

/** The cluster cannot do what it was asked for. `code` is Kafka's name of the error; clients get its number and the message. */
export class Refusal extends MillraceError {
  /** Kafka's number. */
  readonly errorCode: number

  constructor(code: ErrorName, message: string) {
    super(code, message)
    this.errorCode = errorCodes[code]
  }
}

/** What `attempt` answers, or how it was refused. */
export function orRefusal<T>(attempt: () => T): T | Refusal {
  try {
    return attempt()
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown
    throw thrown
  }
}
