import { isIP, type OnReadOpts } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { OptionError, toError } from '../base/errors.ts'
import { SectionCheck } from '../base/option-check.ts'
import type { TlsOptions } from './security.ts'

/** Where a TLS connection goes: the address, and the name that stands in the options or that the broker tells. */
export interface TlsTarget {
  readonly ip: string
  readonly port: number
  readonly host: string
  readonly onread: OnReadOpts
}

/** What to say to who calls it so, as kafkajs does. */
export const notSsl = 'it is called tls, with the same values'

const known: readonly (keyof TlsOptions)[] = [
  'ca',
  'cert',
  'key',
  'pfx',
  'passphrase',
  'servername',
  'rejectUnauthorized',
  'minVersion',
  'maxVersion',
  'ciphers',
  'checkServerIdentity',
  'secureContext',
]

/** The option `tls`, checked: certificates and keys are read once, and not to be seen from outside. */
export class Tls {
  readonly #options: TlsOptions
  readonly #context: SecureContext
  #worked = false

  /** @throws {OptionError} */
  constructor(options: TlsOptions) {
    this.#options = options
    this.#context = options.secureContext ?? secureContext(options)
  }

  /** Whether TLS with a broker has worked: what fails later is not for the options. */
  get worked(): boolean {
    return this.#worked
  }

  hasWorked(): void {
    this.#worked = true
  }

  /** Whether a broker may show any certificate. */
  get unverified(): boolean {
    return this.#options.rejectUnauthorized === false
  }

  connect({ ip, port, host, onread }: TlsTarget): TLSSocket {
    const { rejectUnauthorized, servername = host } = this.#options
    const check = this.#options.checkServerIdentity ?? checkServerIdentity
    // `onread` works as that of node:net, whose types alone name it.
    const tcp: ConnectionOptions & { readonly onread: OnReadOpts } = { host: ip, port, onread }
    return connect({
      ...tcp,
      secureContext: this.#context,
      rejectUnauthorized: rejectUnauthorized ?? true,
      // Only names are asked for (RFC 6066), and Node would check a certificate against the address where no name was asked for.
      ...(isIP(servername) === 0 ? { servername } : {}),
      checkServerIdentity: (_, certificate) => check(servername, certificate),
    })
  }
}

/** @throws {OptionError} */
export function resolveTls(value: unknown): Tls | null {
  if (value === undefined || value === false) return null
  if (value === true) return new Tls({})
  if (typeof value !== 'object' || value === null) {
    throw new OptionError(
      `tls must be true, false or an object with options of node:tls such as ca, not a ${typeof value}`,
    )
  }
  const section = new SectionCheck('tls', value, known)
  section.string('servername')
  const options: TlsOptions = value
  if (!['undefined', 'boolean'].includes(typeof options.rejectUnauthorized)) {
    throw new OptionError('tls.rejectUnauthorized must be true or false')
  }
  if (!['undefined', 'function'].includes(typeof options.checkServerIdentity)) {
    throw new OptionError('tls.checkServerIdentity must be a function (host, certificate) => Error | undefined')
  }
  if (options.pfx === undefined && (options.cert === undefined) !== (options.key === undefined)) {
    throw new OptionError(
      'tls.cert and tls.key must be given together: the certificate of this client and its private key',
    )
  }
  for (const name of ['ca', 'cert', 'key'] as const) checkPem(name, options[name])
  return new Tls(options)
}

/** Node takes an authority that is no PEM for none, without a word. */
function checkPem(name: string, value: unknown): void {
  const parts: unknown[] = value === undefined ? [] : [value].flat()
  for (const part of parts) {
    const text: unknown = typeof part === 'object' && part !== null && 'pem' in part ? part.pem : part
    const sound = typeof text === 'string' || text instanceof Uint8Array
    if (sound && Buffer.from(text as string).includes('-----BEGIN ')) continue
    throw new OptionError(
      `tls.${name} must be PEM, as text or bytes that begin with -----BEGIN: not the path of a file, nor DER`,
    )
  }
}

function secureContext(options: TlsOptions): SecureContext {
  try {
    return createSecureContext(options)
  } catch (thrown) {
    // What Node says of a wrong certificate, key or passphrase names none of them.
    const { message } = toError(thrown)
    throw new OptionError(
      `tls cannot be used as it is: ${message}. Expected: a key that belongs to the certificate, the passphrase if the key or the pfx is ` +
        'encrypted, and versions and ciphers that OpenSSL knows',
    )
  }
}
