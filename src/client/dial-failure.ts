import { ConnectionError } from '../base/errors.ts'
import { type Address, addressName } from './address.ts'
import { wasClosed } from './connection.ts'
import { AuthenticationError, TlsError } from './security-errors.ts'
import type { Tls } from './tls.ts'
import { tlsFault } from './tls-fault.ts'
import { UnsupportedVersionError } from './versions.ts'

/** How far an attempt to connect has come. */
export interface Progress {
  stage: 'tcp' | 'tls' | 'versions' | 'sasl'
  /** What is missing, when the time is over. */
  waitsFor: string
}

/** An attempt to connect to one address that failed. */
export interface FailedDial {
  readonly place: Address
  readonly broker: string
  readonly tls: Tls | null
  /** Why the connection ended, in its own words; empty when it did not. */
  readonly why: string
  readonly error: Error
  readonly stage: Progress['stage']
}

/** What is said of it: the address, the reason, and what that may mean. */
export function dialFailure({ place, broker, tls, why: ended, error, stage }: FailedDial): Error {
  const why = `${addressName(place)}: ${ended || error.message}`
  if (error instanceof AuthenticationError) return new ConnectionError(why, { broker, cause: error })
  const cause = error.cause ?? error
  if (tls !== null && tlsFault(cause)?.certificate) return new TlsError(why, { broker, cause, retriable: tls.worked })
  const dropped = ended === wasClosed || /ECONNRESET|EPIPE|socket disconnected/.test(ended)
  const hint = dropped ? dropHints[tls !== null && stage === 'versions' ? 'certificate' : stage] : ''
  return new ConnectionError(`${why}${hint}`, { broker, cause })
}

/** What it may mean that the broker ends a connection without SASL at the first request that needs to know who asks. */
export const wantsSasl = ' at the first request behind ApiVersions: this listener may want SASL (the option sasl)'

/** What it may mean that the broker ends a connection at this stage. */
const dropHints: Readonly<Record<Progress['stage'] | 'certificate', string>> = {
  tcp: '',
  tls:
    ' during the TLS handshake: this port may expect plain text (a PLAINTEXT or SASL_PLAINTEXT listener), or the broker does not accept ' +
    'the TLS version, the ciphers or the certificate of this client; its log says which',
  versions:
    ' at the first request (ApiVersions): the broker expects TLS or SASL on this port, or is far older than Kafka 2.1',
  certificate:
    ' at the first request (ApiVersions): the broker may want a certificate of this client (tls.cert and tls.key), or another than this ' +
    'one, or is far older than Kafka 2.1',
  sasl:
    ' during the authentication (SASL): if it does so each time, its log says why; some brokers end the connection instead of refusing ' +
    'credentials',
}

/** Whether trying again, there or elsewhere, is of no use until somebody changes the options. */
export function isFinal(error: unknown): boolean {
  return (
    error instanceof UnsupportedVersionError ||
    ((error instanceof AuthenticationError || error instanceof TlsError) && !error.retriable)
  )
}
