import { createSecureContext } from 'node:tls'
import { toError } from '../base/errors.ts'
import type { PasswordSasl, SaslOptions, TlsOptions } from '../client/security.ts'
import type { Draft } from './draft.ts'
import type { Entry } from './entry.ts'
import { parseJaas } from './jaas.ts'
import { keyStore, trustStore } from './key-store.ts'

const protocols = {
  PLAINTEXT: { tls: false, sasl: false },
  SSL: { tls: true, sasl: false },
  SASL_PLAINTEXT: { tls: false, sasl: true },
  SASL_SSL: { tls: true, sasl: true },
}
const loginModules: Readonly<Record<string, readonly string[]>> = {
  PlainLoginModule: ['PLAIN'],
  ScramLoginModule: ['SCRAM-SHA-256', 'SCRAM-SHA-512'],
}
const tlsVersions = { 'TLSv1.2': 'TLSv1.2', 'TLSv1.3': 'TLSv1.3' } as const

/** What was given as an option already, and so is not read. */
export interface GivenSecurity {
  readonly tls: boolean
  readonly sasl: boolean
}

/** `security.protocol`, `ssl.*` and `sasl.*`: the options `tls` and `sasl`. */
export function finishSecurity(draft: Draft, given: GivenSecurity): void {
  const { parts } = draft
  const protocol = parts.get('security.protocol')
  const wants = protocol?.oneOf(protocols) ?? protocols.PLAINTEXT
  for (const [key, entry] of parts) {
    if (key.startsWith('ssl.') && !wants.tls) draft.ignore(entry, 'security.protocol is neither SSL nor SASL_SSL')
    if (key.startsWith('sasl.') && !wants.sasl) {
      draft.ignore(entry, 'security.protocol is neither SASL_SSL nor SASL_PLAINTEXT')
    }
  }
  // There is one, as without it nothing is wanted.
  if (wants.tls && !given.tls) draft.set('tls', tls(parts), protocol as Entry)
  if (wants.sasl && !given.sasl) draft.set('sasl', sasl(parts, protocol as Entry), protocol as Entry)
}

function tls(parts: ReadonlyMap<string, Entry>): true | TlsOptions {
  const options: TlsOptions = {
    ...trustStore(parts),
    ...keyStore(parts),
    ...versions(parts.get('ssl.enabled.protocols')),
    ...identification(parts.get('ssl.endpoint.identification.algorithm')),
  }
  const ciphers = parts.get('ssl.cipher.suites')
  if (ciphers !== undefined) options.ciphers = sound(ciphers, ciphers.list().join(':'))
  return Object.keys(options).length > 0 ? options : true
}

function versions(entry: Entry | undefined): Pick<TlsOptions, 'minVersion' | 'maxVersion'> {
  if (entry === undefined) return {}
  const found = entry.list().map(name => {
    if (name in tlsVersions) return name as keyof typeof tlsVersions
    throw entry.expected('TLSv1.2, TLSv1.3 or both')
  })
  const [minVersion, maxVersion = minVersion] = [...new Set(found)].sort()
  if (minVersion === undefined || maxVersion === undefined) throw entry.expected('TLSv1.2, TLSv1.3 or both')
  return { minVersion, maxVersion }
}

/** Empty: certificates are good for any host. */
function identification(entry: Entry | undefined): Pick<TlsOptions, 'checkServerIdentity'> {
  if (entry === undefined || entry.value.toLowerCase() === 'https') return {}
  if (entry.value === '') return { checkServerIdentity: () => undefined }
  throw entry.expected('https, or empty: host names are not compared')
}

function sound(entry: Entry, ciphers: string): string {
  try {
    createSecureContext({ ciphers })
  } catch (thrown) {
    throw entry.wrong(`has no cipher suite of OpenSSL's: ${toError(thrown).message}`)
  }
  return ciphers
}

function sasl(parts: ReadonlyMap<string, Entry>, protocol: Entry): SaslOptions {
  const mechanism = parts.get('sasl.mechanism')
  if (mechanism === undefined) {
    throw protocol.wrong(
      'needs sasl.mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. Without it Kafka takes GSSAPI, which is not spoken',
    )
  }
  const name = mechanism.value.toUpperCase()
  if (name === 'OAUTHBEARER') {
    throw mechanism.wrong(
      "OAUTHBEARER needs a function that gives tokens: pass it as the option sasl, { mechanism: 'OAUTHBEARER', token }",
    )
  }
  if (name !== 'PLAIN' && name !== 'SCRAM-SHA-256' && name !== 'SCRAM-SHA-512') {
    throw mechanism.expected('PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER (which AWS_MSK_IAM is here)')
  }
  const jaas = parts.get('sasl.jaas.config')
  if (jaas === undefined) throw mechanism.wrong('needs sasl.jaas.config, which has username and password')
  return credentials(jaas, name)
}

function credentials(jaas: Entry, mechanism: PasswordSasl['mechanism']): PasswordSasl {
  const { module, options } = parseJaas(jaas)
  const mechanisms = loginModules[module.replace(/^.*\./, '')]
  if (mechanisms === undefined) {
    throw jaas.wrong(`has the login module ${module}; PlainLoginModule and ScramLoginModule are known here`)
  }
  if (!mechanisms.includes(mechanism))
    throw jaas.wrong(`has the login module ${module}, and sasl.mechanism is ${mechanism}`)
  if (options.get('tokenauth') === 'true') throw jaas.wrong('has tokenauth: delegation tokens are not known here')
  const username = options.get('username')
  const password = options.get('password')
  if (username === undefined || password === undefined) throw jaas.wrong('has no username or no password')
  return { mechanism, username, password }
}
