import { encodeBearerRefusal, parseBearer } from '../../protocol/sasl/oauthbearer.ts'
import { type Exchange, type Identity, Refused, type Step } from './exchange.ts'

/** Who a token stands for, or null: it is not accepted. */
export interface BearerOwner {
  /** Such as `shop`: to access rules it is `User:shop`. */
  readonly principal: string
  /** How long from now on the token is valid. Default: without end. */
  readonly lifetimeMs?: number
}

type Extensions = Readonly<Record<string, string>>

/** Judges tokens. What it throws refuses a token too. */
export type BearerJudge = (token: string, extensions: Extensions) => BearerOwner | null | Promise<BearerOwner | null>

/** OAUTHBEARER (RFC 7628, KIP-255): a token, and once more a message where it is not accepted. */
export class BearerExchange implements Exchange {
  readonly #judge: (token: string, extensions: Extensions) => Promise<Identity | null>
  /** What the client was told about its token. */
  #refusal: string | null = null

  constructor(judge: (token: string, extensions: Extensions) => Promise<Identity | null>) {
    this.#judge = judge
  }

  async next(message: Buffer): Promise<Step> {
    if (this.#refusal !== null) throw new Refused(this.#refusal)
    const parsed = parseBearer(message)
    if (parsed === null) throw new Error('the message of OAUTHBEARER is none')
    const { authzid, token, extensions } = parsed
    const identity = await this.#judge(token, extensions).catch(() => null)
    if (identity === null) {
      const reply = encodeBearerRefusal({ status: 'invalid_token' })
      this.#refusal = reply.toString('utf8')
      return { reply }
    }
    if (authzid !== '' && authzid !== identity.name) {
      throw new Refused(
        `Authentication failed: Client requested an authorization id (${authzid}) that is different from the token's ` +
          `principal name (${identity.name})`,
      )
    }
    return { reply: Buffer.alloc(0), identity }
  }
}

/**
 * Who an unsecured token names, as Kafka reads it where nothing else is configured: a JWT (RFC 7519) without a signature, with the claims
 * `sub` and `exp`. Null: it is none, or no longer valid.
 */
export function unsecuredIdentity(token: string, now: number): Identity | null {
  const [header, claims, signature, ...more] = token.split('.')
  if (header === undefined || claims === undefined || signature !== '' || more.length > 0) return null
  const { alg } = json(header)
  const { sub, exp } = json(claims)
  if (alg !== 'none' || typeof sub !== 'string' || sub === '' || typeof exp !== 'number') return null
  const expiresAt = Math.floor(exp * 1000)
  return expiresAt < now ? null : { name: sub, expiresAt }
}

/** @throws when it is no JSON */
function json(base64: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(base64, 'base64url').toString('utf8')) ?? {}
}
