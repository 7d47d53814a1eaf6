import { MillraceError, toError } from '../base/errors.ts'

/** What a client threw, as an error with a code; clients should throw no others. */
export function toMillraceError(thrown: unknown, doing: string): MillraceError {
  const cause = toError(thrown)
  if (cause instanceof MillraceError) return cause
  return new MillraceError('CLIENT_FAILED', `${doing} failed: ${cause.message}`, { cause, retriable: true })
}
