import { encodePlain } from '../../protocol/sasl/plain.ts'
import type { Exchange } from './exchange.ts'

/** PLAIN (RFC 4616): everything is said at once, in the clear. */
export class PlainExchange implements Exchange {
  readonly refusal = ''
  readonly #username: string
  readonly #password: string

  constructor(username: string, password: string) {
    this.#username = username
    this.#password = password
  }

  get secrets(): readonly string[] {
    return [this.#password]
  }

  start(): Buffer {
    return encodePlain({ authzid: '', username: this.#username, password: this.#password })
  }

  async answer(): Promise<null> {
    return null
  }
}
