import { MillraceError, toError } from '../base/errors.ts'

/** Codes after which trying again is of no use, at least not without somebody's help. All others are waited out. */
const FATAL: ReadonlySet<string> = new Set([
  'CLOSED',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'AUTHENTICATION',
  'TLS',
  'SECURITY_DISABLED',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
])

export function isFatal(error: MillraceError): boolean {
  return !error.retriable && FATAL.has(error.code)
}

/** What a client threw, as an error with a code; clients should throw no others. */
export function toMillraceError(thrown: unknown, doing: string): MillraceError {
  const cause = toError(thrown)
  if (cause instanceof MillraceError) return cause
  return new MillraceError('CLIENT_FAILED', `${doing} failed: ${cause.message}`, { cause, retriable: true })
}
