import { type ErrorPlace, MillraceError } from '../base/errors.ts'

/**
 * A broker did not take who this client says it is, or could not be asked. Code `AUTHENTICATION`. Retriable when the next attempt may
 * fare better: a token or a password that a function gives, a broker that broke off.
 */
export class AuthenticationError extends MillraceError {
  constructor(message: string, details: ErrorPlace & { retriable: boolean; cause?: unknown }) {
    super('AUTHENTICATION', message, details)
  }
}

/**
 * TLS with a broker failed over a certificate: the broker's is not trusted, or it does not take this client's. Code `TLS`. Retriable
 * once this client had TLS with any broker: then it is that broker's trouble and not that of the options.
 */
export class TlsError extends MillraceError {
  constructor(message: string, details: ErrorPlace & { retriable: boolean; cause?: unknown }) {
    super('TLS', message, details)
  }
}
