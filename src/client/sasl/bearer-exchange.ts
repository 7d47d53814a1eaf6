import { bearerGivesUp, encodeBearer, parseBearerRefusal } from '../../protocol/sasl/oauthbearer.ts'
import type { OAuthToken } from '../security.ts'
import { type Exchange, quotable } from './exchange.ts'

/** OAUTHBEARER (RFC 7628): a token, and when it is refused one byte that lets the broker end the exchange with its error. */
export class BearerExchange implements Exchange {
  refusal = ''
  readonly #token: OAuthToken

  constructor(token: OAuthToken) {
    this.#token = token
  }

  get secrets(): readonly string[] {
    return [this.#token.value]
  }

  start(): Buffer {
    const { value, extensions = {} } = this.#token
    return encodeBearer({ authzid: '', token: value, extensions })
  }

  async answer(challenge: Buffer): Promise<Buffer | null> {
    if (challenge.length === 0) return null
    const refusal = parseBearerRefusal(challenge)
    if (refusal === null || this.refusal !== '') throw new Error('its answer is not a message of OAUTHBEARER')
    const { status, scope } = refusal
    const wanted = scope === undefined ? '' : `, scope ${scope}`
    this.refusal = quotable(`status ${status}${wanted}`, this.secrets)
    return bearerGivesUp
  }
}
