import type { Clock } from '../../base/clock.ts'
import { OptionError } from '../../base/errors.ts'
import { SectionCheck } from '../../base/option-check.ts'
import { BearerExchange, type BearerJudge, unsecuredIdentity } from './bearer-exchange.ts'
import type { Exchange, Identity } from './exchange.ts'
import { PlainExchange } from './plain-exchange.ts'
import { ScramExchange } from './scram-exchange.ts'
import { Users } from './users.ts'

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

export type BrokerSaslMechanism = (typeof saslMechanisms)[number]

/** SASL on all ports of the broker: a client must say who it is before it may ask for anything. */
export interface BrokerSaslOptions {
  /** Default: `PLAIN`, `SCRAM-SHA-256` and `SCRAM-SHA-512` when there are users, else `OAUTHBEARER`. */
  readonly mechanisms?: readonly BrokerSaslMechanism[]
  /** Passwords by the names of their users. */
  readonly users?: Readonly<Record<string, string>>
  /**
   * Who a bearer token, with its extensions, stands for; null: it is not accepted. Default: an unsecured JWT, as with Kafka: `sub` is who,
   * `exp` until when.
   */
  readonly oauth?: BearerJudge
  /** How long a client may go on before it must authenticate again; Kafka's `connections.max.reauth.ms`. Default: without end. */
  readonly sessionLifetimeMs?: number
}

export interface SaslSettings {
  readonly mechanisms: readonly BrokerSaslMechanism[]
  readonly users: ReadonlyMap<string, string>
  readonly oauth: BearerJudge | null
  readonly sessionLifetimeMs: number | null
}

/** @throws {OptionError} that names the first wrong option, and no password */
export function saslSettings(options: unknown): SaslSettings | null {
  if (options === undefined) return null
  const section = new SectionCheck('sasl', options, ['mechanisms', 'users', 'oauth', 'sessionLifetimeMs'])
  const users = passwords(section.get('users'))
  const oauth = section.get('oauth')
  if (oauth !== undefined && typeof oauth !== 'function') throw section.wrong('oauth', 'a function')
  const mechanisms = mechanismsOf(section, users)
  for (const mechanism of mechanisms) {
    if (mechanism !== 'OAUTHBEARER' && users.size === 0) {
      throw new OptionError(`sasl.users must name at least one user: ${mechanism} lets in nobody else`)
    }
  }
  return {
    mechanisms,
    users,
    oauth: (oauth as BearerJudge | undefined) ?? null,
    sessionLifetimeMs: section.optional('sessionLifetimeMs', { min: 1 }) ?? null,
  }
}

function mechanismsOf(section: SectionCheck, users: ReadonlyMap<string, string>): readonly BrokerSaslMechanism[] {
  const usual = users.size === 0 ? ['OAUTHBEARER'] : saslMechanisms.filter(name => name !== 'OAUTHBEARER')
  const given = section.get('mechanisms') ?? usual
  const sound = (name: unknown) => saslMechanisms.some(known => known === name)
  if (!Array.isArray(given) || given.length === 0 || !given.every(sound)) {
    throw section.wrong('mechanisms', `a list of ${saslMechanisms.join(', ')}`)
  }
  return [...new Set(given)]
}

function passwords(given: unknown): ReadonlyMap<string, string> {
  new SectionCheck('sasl.users', given, Object.keys(given ?? {}))
  const users = Object.entries(given ?? {})
  for (const [name, password] of users) {
    if (name === '') throw new OptionError('sasl.users has a user without a name')
    if (typeof password !== 'string' || password === '') {
      throw new OptionError(`sasl.users.${name} must be a password: a string that is not empty`)
    }
  }
  return new Map(users)
}

/** Who may come in, and how. */
export class Sasl {
  readonly mechanisms: readonly BrokerSaslMechanism[]
  readonly sessionLifetimeMs: number | null
  readonly #users: Users
  readonly #oauth: BearerJudge | null
  readonly #clock: Clock

  constructor({ mechanisms, users, oauth, sessionLifetimeMs }: SaslSettings, clock: Clock) {
    this.mechanisms = mechanisms
    this.sessionLifetimeMs = sessionLifetimeMs
    this.#users = new Users(users)
    this.#oauth = oauth
    this.#clock = clock
  }

  /** Null: the broker does not have this mechanism. */
  exchange(name: string): Exchange | null {
    const mechanism = this.mechanisms.find(known => known === name)
    switch (mechanism) {
      case undefined:
        return null
      case 'PLAIN':
        return new PlainExchange(this.#users)
      case 'OAUTHBEARER':
        return new BearerExchange((...given) => this.#owner(...given))
      default:
        return new ScramExchange(mechanism, this.#users)
    }
  }

  async #owner(...given: Parameters<BearerJudge>): Promise<Identity | null> {
    const now = this.#clock.wallTime()
    if (this.#oauth === null) return unsecuredIdentity(given[0], now)
    const owner = await this.#oauth(...given)
    if (owner === null) return null
    const { principal: name, lifetimeMs } = owner
    if (typeof name !== 'string' || name === '') throw new OptionError('sasl.oauth must answer a principal, or null')
    return { name, expiresAt: lifetimeMs === undefined ? null : now + lifetimeMs }
  }
}
