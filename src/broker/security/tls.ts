import { createSecureContext, type TLSSocket } from 'node:tls'
import { OptionError, toError } from '../../base/errors.ts'
import { SectionCheck } from '../../base/option-check.ts'
import type { Authority, Certificate } from './authority.ts'

/** TLS on all ports of the broker. Certificates and keys are PEM. */
export interface BrokerTlsOptions {
  /** Of the broker. Default: one is made at the start, for `localhost`, `host` and `advertisedHost`; `broker.ca` is who issued it. */
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** Who issues the certificates of clients. Default: who issued that of the broker, when that is made at the start. */
  readonly ca?: string | Uint8Array
  /** Whether clients must show a certificate, or may; Kafka's `ssl.client.auth`. Default: they are not asked for one. */
  readonly clientAuth?: 'required' | 'requested'
}

export interface TlsSettings {
  /** Null: one is to be made. */
  readonly certificate: Certificate | null
  readonly ca: string | null
  readonly clientAuth: 'required' | 'requested' | null
}

/** @throws {OptionError} */
export function tlsSettings(options: unknown): TlsSettings | null {
  if (options === undefined || options === false) return null
  const section = new SectionCheck('tls', options === true ? {} : options, ['cert', 'key', 'ca', 'clientAuth'])
  const clientAuth = section.oneOf('clientAuth', null, ['required', 'requested'])
  const [cert, key, ca] = [pem(section, 'cert'), pem(section, 'key'), pem(section, 'ca')]
  if ((cert === null) !== (key === null)) {
    throw new OptionError('tls.cert and tls.key belong together: set both, or neither to have them made at the start')
  }
  const certificate = cert !== null && key !== null ? { cert, key } : null
  if (clientAuth !== null && certificate !== null && ca === null) {
    throw new OptionError('tls.ca must be set beside tls.clientAuth: who issues the certificates of clients, as PEM')
  }
  // Made ones are not looked at: the first context of a process reads all authorities of the system.
  if (certificate !== null || ca !== null) checkUsable(certificate, ca)
  return { certificate, ca, clientAuth }
}

function pem(section: SectionCheck, name: string): string | null {
  const value = section.get(name)
  if (value === undefined) return null
  const text = value instanceof Uint8Array ? Buffer.from(value).toString() : value
  // What it is instead is not shown: it may be a key in another form.
  if (typeof text !== 'string' || !text.includes('-----BEGIN ')) {
    throw new OptionError(`tls.${name} must be PEM, as text or bytes`)
  }
  return text
}

function checkUsable(certificate: Certificate | null, ca: string | null): void {
  try {
    createSecureContext({ ...certificate, ...(ca !== null && { ca }) })
  } catch (thrown) {
    const why = toError(thrown).message
    throw new OptionError(`tls.cert and tls.key must be a certificate and its key, and tls.ca certificates: ${why}`)
  }
}

/** How `node:tls` is told what a port of the broker does. */
export interface TlsServerOptions extends Partial<Certificate> {
  readonly ca?: string
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

/** `authority` issues what was not given; it is there when something is missing. */
export function tlsServerOptions(
  { certificate, ca, clientAuth }: TlsSettings,
  authority: Authority | null,
  hosts: readonly string[],
): TlsServerOptions {
  const clientCa = ca ?? authority?.certificate
  return {
    ...(certificate ?? authority?.forHosts(hosts)),
    ...(clientAuth !== null && clientCa !== undefined && { ca: clientCa }),
    requestCert: clientAuth !== null,
    // Who may show none, must not show a wrong one either: that is looked at when the handshake is over.
    rejectUnauthorized: clientAuth === 'required',
  }
}

/** Why a client whose handshake is over is not let in; null: it is. */
export function objectionTo(socket: TLSSocket): string | null {
  const shown = socket.getPeerX509Certificate() !== undefined
  return shown && !socket.authorized ? `its certificate is not accepted: ${socket.authorizationError}` : null
}

/**
 * The name of a client that showed a certificate, as Kafka's default principal builder has it: its distinguished name, written as in
 * RFC 2253. What Java writes as a number, because that RFC has no letters for it, is as OpenSSL writes it here.
 */
export function certificateName(socket: TLSSocket): string | null {
  const subject = socket.getPeerX509Certificate()?.subject
  return subject === undefined ? null : subject.split('\n').reverse().join(',')
}
