import type { Clock } from '../../base/clock.ts'
import type { ApiName } from '../../protocol/apis.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { SaslAuthenticateResponse, SaslHandshakeResponse } from '../../protocol/messages.ts'
import type { Encodable } from '../../protocol/shapes.ts'
import { type Exchange, type Identity, invalidCredentials, Refused, type Step } from './exchange.ts'
import type { Sasl } from './sasl.ts'

/**
 * How far a client has come, as in Kafka:
 *
 *     versions ─ ApiVersions ─▸ handshake ─ SaslHandshake ─▸ exchange ─ SaslAuthenticate… ─▸ open
 *         └────────────────── SaslHandshake ───────────────────▴                              │
 *                                                              └── SaslHandshake, again ──────┘
 *
 * Any other request than these closes the connection, until it is open. Without SASL it is so from the beginning.
 */
type Stage = 'versions' | 'handshake' | 'exchange' | 'open'

/** Longest frame of a client that has not said who it is; Kafka's `sasl.server.max.receive.size`. */
const strangerFrameBytes = 524_288
/** A client that authenticates again sooner after it did last is told that it is out of place. */
const shortestSessionMs = 1_000

const otherMechanism = 'the client authenticates again by another mechanism than before'

export interface SessionOptions {
  readonly clock: Clock
  /** Null: everybody is let in. */
  readonly sasl: Sasl | null
  /** The name in the certificate that the client showed; null: it showed none. */
  readonly certificate: string | null
}

/** Who is at the other end of a connection, and whether it may ask for anything yet. */
export class Session {
  readonly #clock: Clock
  readonly #sasl: Sasl | null
  #stage: Stage
  #name: string
  #mechanism = ''
  /** Null where another mechanism was asked for than that of the time before. */
  #exchange: Exchange | null = null
  /** Whether the messages of the exchange come without a request around them, as clients of Kafka 0.10 send them. */
  #bare = false
  /** Whether it has said who it is, if only until a while ago. */
  #known: boolean
  /** When it began to authenticate again, on the clock. */
  #renewedAt = Number.NEGATIVE_INFINITY
  #expiresAt = Number.POSITIVE_INFINITY
  #failure: string | null = null

  constructor({ clock, sasl, certificate }: SessionOptions) {
    this.#clock = clock
    this.#sasl = sasl
    this.#stage = sasl === null ? 'open' : 'versions'
    this.#known = sasl === null
    this.#name = (sasl === null ? certificate : null) ?? 'ANONYMOUS'
  }

  /** Such as `User:shop`; `User:ANONYMOUS` for who did not say. */
  get principal(): string {
    return `User:${this.#name}`
  }

  /** Why the connection is to be closed once the answer is sent; null: it is not. */
  get failure(): string | null {
    return this.#failure
  }

  /** Whether the next frame is a message of the exchange, without a request around it. */
  get takesBareMessage(): boolean {
    return this.#bare && this.#stage === 'exchange'
  }

  /** Longest frame, of those up to `most`, that the client may send now. */
  frameBytes(most: number): number {
    return this.#known ? most : Math.min(most, strangerFrameBytes)
  }

  /**
   * Whether the client may ask for this now: an error code.
   * @throws when it may not, and is not even to be told so: the connection is closed, as Kafka does
   */
  admit(name: ApiName): number {
    const tooEarly = `${name} came before the client had authenticated`
    switch (this.#stage) {
      case 'versions':
        if (name === 'ApiVersions' || name === 'SaslHandshake') return errorCodes.NONE
        throw new Error(tooEarly)
      case 'handshake':
        if (name === 'SaslHandshake') return errorCodes.NONE
        throw new Error(tooEarly)
      case 'exchange':
        if (name === 'SaslAuthenticate') return errorCodes.NONE
        this.#failure = tooEarly
        return errorCodes.ILLEGAL_SASL_STATE
      case 'open':
        if (this.#clock.now() < this.#expiresAt || (name === 'SaslHandshake' && this.#mayRenew)) return errorCodes.NONE
        throw new Error('the client went on after its session had expired, without authenticating again')
    }
  }

  /** The client knows now what is served, and may not ask again before it has authenticated. */
  toldVersions(): void {
    if (this.#stage === 'versions') this.#stage = 'handshake'
  }

  get #mayRenew(): boolean {
    return this.#expiresAt < Number.POSITIVE_INFINITY && this.#clock.now() - this.#renewedAt >= shortestSessionMs
  }

  handshake(version: number, mechanism: string): Encodable<SaslHandshakeResponse> {
    const again = this.#stage === 'open'
    if (this.#sasl === null || (again && !this.#mayRenew)) return { errorCode: errorCodes.ILLEGAL_SASL_STATE }
    if (again) this.#renewedAt = this.#clock.now()
    const { mechanisms } = this.#sasl
    const exchange = this.#sasl.exchange(mechanism)
    if (exchange === null) {
      if (again) throw new Error('the client asked for a SASL mechanism that the broker does not have')
      this.#failure = 'the client asked for a SASL mechanism that the broker does not have'
      return { errorCode: errorCodes.UNSUPPORTED_SASL_MECHANISM, mechanisms }
    }
    this.#stage = 'exchange'
    this.#exchange = again && mechanism !== this.#mechanism ? null : exchange
    this.#bare = version === 0
    if (!again) this.#mechanism = mechanism
    return { mechanisms }
  }

  async authenticate(message: Buffer): Promise<Encodable<SaslAuthenticateResponse>> {
    if (this.#stage === 'open') {
      const errorMessage = 'SaslAuthenticate request received after successful authentication'
      return { errorCode: errorCodes.ILLEGAL_SASL_STATE, errorMessage }
    }
    if (this.#exchange === null) throw new Error(otherMechanism)
    try {
      const { reply, identity } = await this.#next(this.#exchange, message)
      return { authBytes: reply, sessionLifetimeMs: identity === undefined ? 0 : this.#open(identity) }
    } catch (thrown) {
      const errorMessage = thrown instanceof Refused ? thrown.message : invalidCredentials(this.#mechanism, this.#known)
      this.#failure = errorMessage
      return { errorCode: errorCodes.SASL_AUTHENTICATION_FAILED, errorMessage }
    }
  }

  /**
   * The same for a message without a request around it, whose answer has none either.
   * @throws when it fails: nothing can be answered
   */
  async authenticateBare(message: Buffer): Promise<Buffer> {
    if (this.#exchange === null) throw new Error(otherMechanism)
    const { reply, identity } = await this.#next(this.#exchange, message)
    if (identity !== undefined) this.#open(identity)
    return reply
  }

  async #next(exchange: Exchange, message: Buffer): Promise<Step> {
    const step = await exchange.next(message)
    if (step.identity !== undefined && this.#known && step.identity.name !== this.#name) {
      const names = `from User.${this.#name}: User.${step.identity.name}`
      throw new Refused(`Cannot change principals during re-authentication ${names}`)
    }
    return step
  }

  /** Answers how long the session lasts, in ms; 0: without end. */
  #open({ name, expiresAt }: Identity): number {
    const credentialMs = expiresAt === null ? null : Math.max(0, expiresAt - this.#clock.wallTime())
    const limits = [credentialMs, this.#sasl?.sessionLifetimeMs ?? null].filter(ms => ms !== null)
    this.#name = name
    this.#exchange = null
    this.#known = true
    this.#stage = 'open'
    if (limits.length === 0) return 0
    // Whole again after what was added and taken away of a wall time with fractions.
    const lifetimeMs = Math.round(Math.min(...limits))
    this.#expiresAt = this.#clock.now() + lifetimeMs
    return lifetimeMs
  }
}
