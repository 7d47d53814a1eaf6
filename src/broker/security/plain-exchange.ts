import { parsePlain } from '../../protocol/sasl/plain.ts'
import { checkAuthzid, type Exchange, Refused, type Step } from './exchange.ts'
import type { Users } from './users.ts'

/** PLAIN (RFC 4616): the password comes as it is. */
export class PlainExchange implements Exchange {
  readonly #users: Users

  constructor(users: Users) {
    this.#users = users
  }

  next(message: Buffer): Step {
    const parsed = parsePlain(message)
    if (parsed === null) {
      const parts = message.toString('utf8').split('\0').length
      throw new Refused(`Invalid SASL/PLAIN response: expected 3 tokens, got ${parts}`)
    }
    const { authzid, username, password } = parsed
    if (username === '') throw new Refused('Authentication failed: username not specified')
    if (password === '') throw new Refused('Authentication failed: password not specified')
    if (!this.#users.hasPassword(username, password)) {
      throw new Refused('Authentication failed: Invalid username or password')
    }
    checkAuthzid(authzid, username)
    return { reply: Buffer.alloc(0), identity: { name: username, expiresAt: null } }
  }
}
