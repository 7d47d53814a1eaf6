import { MillraceError } from '../base/errors.ts'

/**
 * Bytes that do not follow Kafka's protocol, or a value that the protocol cannot express. The message names the message, its version
 * and the place. Code `PROTOCOL`; never retriable by itself: after bad bytes the connection cannot be trusted.
 */
export class ProtocolError extends MillraceError {
  constructor(message: string, cause?: unknown) {
    super('PROTOCOL', message, { cause })
  }
}
