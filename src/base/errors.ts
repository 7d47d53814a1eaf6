/** Where an error happened, as far as it is known. */
export interface ErrorPlace {
  topic?: string | undefined
  partition?: number | undefined
  offset?: number | undefined
  /** `host:port` of the broker, with `(node N)` behind it where the id is known. */
  broker?: string | undefined
}

export interface ErrorDetails extends ErrorPlace {
  /** Whether doing the same again may succeed. Default false. */
  retriable?: boolean | undefined
  cause?: unknown
}

/**
 * Every error that Millrace throws or reports is one of these. `code` is a string that stays the same across releases, the
 * message is written for people and may change.
 */
export class MillraceError extends Error {
  readonly code: string
  readonly retriable: boolean
  declare readonly topic?: string
  declare readonly partition?: number
  declare readonly offset?: number
  declare readonly broker?: string

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retriable = details.retriable ?? false
    if (details.topic !== undefined) this.topic = details.topic
    if (details.partition !== undefined) this.partition = details.partition
    if (details.offset !== undefined) this.offset = details.offset
    if (details.broker !== undefined) this.broker = details.broker
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** An option has a wrong value; the message names the option and what was expected. Code `INVALID_OPTION`. */
export class OptionError extends MillraceError {
  constructor(message: string) {
    super('INVALID_OPTION', message)
  }
}

/** A broker could not be reached, refused, or its connection broke. Code `CONNECTION`; always retriable. */
export class ConnectionError extends MillraceError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('CONNECTION', message, { retriable: true, ...details })
  }
}

/** No answer came before the request's deadline. Code `REQUEST_TIMEOUT`; retriable. */
export class RequestTimeoutError extends MillraceError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('REQUEST_TIMEOUT', message, { retriable: true, ...details })
  }
}

/** The object was closed, or is closing, and takes no more work. Code `CLOSED`. */
export class ClosedError extends MillraceError {
  constructor(what: string) {
    super('CLOSED', `${what} is closed`)
  }
}

/** What JavaScript threw, as an `Error`: handlers may throw anything. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
