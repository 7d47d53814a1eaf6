import { OptionError, toError } from '../../base/errors.ts'
import { describe, SectionCheck } from '../../base/option-check.ts'
import { bearerFault } from '../../protocol/sasl/oauthbearer.ts'
import type { OAuthSasl, OAuthToken, PasswordSasl, SaslOptions } from '../security.ts'
import { BearerExchange } from './bearer-exchange.ts'
import type { Exchange } from './exchange.ts'
import { PlainExchange } from './plain-exchange.ts'
import { ScramExchange } from './scram-exchange.ts'

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/** What other clients call these. */
const elsewhere = {
  user: 'it is called sasl.username',
  oauthBearerProvider: "it is called sasl.token, a function that gives { value: '…' }",
  oauthbearer: "it is called sasl.token, a function that gives { value: '…' }",
}

/** Longest name, password or token: far below what brokers take in one message before they know who speaks. */
const maxSecretLength = 64 * 1024

/** The option `sasl`, checked; what is secret in it is not to be seen from outside. */
export class Credentials {
  readonly mechanism: SaslOptions['mechanism']
  /** Whether they come from a function, so that the next attempt may fare better than one that was refused. */
  readonly renewable: boolean
  readonly #options: SaslOptions

  /** @throws {OptionError} */
  constructor(options: SaslOptions) {
    this.#options = options
    this.mechanism = options.mechanism
    this.renewable = options.mechanism === 'OAUTHBEARER' || typeof options.password === 'function'
  }

  /** Who this is and how it is proven, for errors: no secret. */
  get name(): string {
    const options = this.#options
    return options.mechanism === 'OAUTHBEARER'
      ? 'the token (OAUTHBEARER)'
      : `user '${options.username}' (${options.mechanism})`
  }

  /** Whether a listener could be read by whoever sees the network. */
  get readable(): boolean {
    return this.mechanism === 'PLAIN' || this.mechanism === 'OAUTHBEARER'
  }

  /** Calls the function that gives the password or the token, if there is one. Rejects with an error that quotes nothing it gave. */
  async begin(): Promise<Exchange> {
    const options = this.#options
    if (options.mechanism === 'OAUTHBEARER') return new BearerExchange(await askToken(options))
    const password = await askPassword(options)
    if (options.mechanism === 'PLAIN') return new PlainExchange(options.username, password)
    return new ScramExchange(options.mechanism, options.username, password)
  }
}

async function askPassword({ password, mechanism }: PasswordSasl): Promise<string> {
  if (typeof password === 'string') return password
  const given: unknown = await ask('sasl.password', password)
  const fault = passwordFault(given, mechanism)
  if (fault !== null) throw new Error(`sasl.password() must give ${fault}`)
  return given as string
}

async function askToken({ token }: OAuthSasl): Promise<OAuthToken> {
  const given: unknown = await ask('sasl.token', token)
  if (typeof given !== 'object' || given === null || !('value' in given) || typeof given.value !== 'string') {
    throw new Error("sasl.token() must give { value: '…' }, with extensions if the broker wants any")
  }
  const { value, extensions = {} } = given as OAuthToken
  if (value.length > maxSecretLength)
    throw new Error(`sasl.token() gave a token of more than ${maxSecretLength} characters`)
  const fault = isRecord(extensions) ? bearerFault(value, extensions) : 'its extensions must be an object with strings'
  if (fault !== null) throw new Error(`sasl.token(): ${fault}`)
  return { value, extensions }
}

function isRecord(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every(each => typeof each === 'string')
}

async function ask<T>(name: string, give: () => T | Promise<T>): Promise<T> {
  try {
    return await give()
  } catch (thrown) {
    const { name: kind, message, stack } = toError(thrown)
    // HTTP clients hang the request on their errors, with what is secret in it: only what can be read goes on.
    const cause = Object.assign(new Error(message), { name: kind, stack })
    throw new Error(`${name}() failed: ${message}`, { cause })
  }
}

/** What a password must be, when it is not that; null when it is. */
function passwordFault(password: unknown, mechanism: string): string | null {
  const sound = typeof password === 'string' && password !== '' && password.length <= maxSecretLength
  if (!sound) return `a string of 1 to ${maxSecretLength} characters`
  return mechanism === 'PLAIN' && password.includes('\0') ? 'a string without a NUL, which PLAIN cannot send' : null
}

/** @throws {OptionError} */
export function resolveSasl(value: unknown): Credentials | null {
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null) {
    throw new OptionError(
      `sasl must be an object such as { mechanism: 'SCRAM-SHA-512', username, password }, not a ${typeof value}`,
    )
  }
  const mechanism = resolveMechanism(value)
  if (mechanism === 'OAUTHBEARER') {
    const section = new SectionCheck('sasl', value, ['mechanism', 'token'], elsewhere)
    if (typeof section.get('token') !== 'function') {
      throw new OptionError("sasl.token must be a function that gives { value: '…' }: it is asked for each connection")
    }
  } else {
    const section = new SectionCheck('sasl', value, ['mechanism', 'username', 'password'], elsewhere)
    const username = section.string('username')
    if (username === undefined) throw new OptionError(`sasl.username must be given for ${mechanism}`)
    if (username.length > maxSecretLength || username.includes('\0')) {
      throw new OptionError(`sasl.username must be a string of at most ${maxSecretLength} characters without a NUL`)
    }
    const password = section.get('password')
    const fault = typeof password === 'function' ? null : passwordFault(password, mechanism)
    if (fault !== null) throw new OptionError(`sasl.password must be ${fault}, or a function that gives it`)
  }
  return new Credentials(value as SaslOptions)
}

function resolveMechanism(value: object): SaslOptions['mechanism'] {
  const given: unknown = Reflect.get(value, 'mechanism')
  const known = mechanisms.find(each => each === given)
  if (known !== undefined) return known
  const upper = typeof given === 'string' ? given.toUpperCase() : ''
  const meant = mechanisms.find(each => each === upper)
  const hint = meant === undefined ? '' : ` Kafka writes it in capitals: '${meant}'.`
  const expected = mechanisms.map(describe).join(', ')
  throw new OptionError(`sasl.mechanism must be one of ${expected}, not ${describe(given)}.${hint}${otherWays(upper)}`)
}

function otherWays(mechanism: string): string {
  if (mechanism === 'AWS' || mechanism.includes('MSK'))
    return " AWS MSK IAM is done with 'OAUTHBEARER': see docs/security.md."
  return mechanism === 'GSSAPI' ? ' Kerberos is not supported.' : ''
}
