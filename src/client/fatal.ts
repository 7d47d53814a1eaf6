import type { MillraceError } from '../base/errors.ts'

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
