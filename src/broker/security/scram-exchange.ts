import { randomBytes } from 'node:crypto'
import {
  hmac,
  type ScramCredential,
  type ScramMechanism,
  sameBytes,
  storedKey,
  unescapeName,
  xor,
} from '../../protocol/sasl/scram.ts'
import { checkAuthzid, type Exchange, type Step } from './exchange.ts'
import type { Users } from './users.ts'

const extensions = '((?:,[A-Za-z]+=[^,]*)*)'
const clientFirst = new RegExp(`^(n,(?:a=([^,]+))?,)((?:m=[^,]*,)?n=([^,]+),r=([^,]+)${extensions})$`)
const clientFinal = new RegExp(`^(c=([^,]+),r=([^,]+)${extensions}),p=([^,]+)$`)

/** What was said in the first round. */
interface Begun {
  readonly name: string
  readonly credential: ScramCredential
  readonly header: string
  readonly nonce: string
  /** The first messages of both sides, as they are signed. */
  readonly messages: string
}

/** SCRAM (RFC 5802): the client proves that it knows the password, and the server that it knows what was made of it. */
export class ScramExchange implements Exchange {
  readonly #mechanism: ScramMechanism
  readonly #users: Users
  #begun: Begun | null = null

  constructor(mechanism: ScramMechanism, users: Users) {
    this.#mechanism = mechanism
    this.#users = users
  }

  async next(message: Buffer): Promise<Step> {
    const text = message.toString('utf8')
    return this.#begun === null ? this.#first(text) : this.#final(text, this.#begun)
  }

  async #first(text: string): Promise<Step> {
    const [, header = '', authzid = '', bare = '', escaped = '', clientNonce = ''] = clientFirst.exec(text) ?? []
    const name = unescapeName(escaped)
    if (name === null || name === '') throw new Error('the first message of SCRAM is none')
    const credential = await this.#users.credential(this.#mechanism, name)
    if (credential === null) throw new Error('there is no such user')
    checkAuthzid(unescapeName(authzid) ?? authzid, name)
    const nonce = `${clientNonce}${randomBytes(24).toString('base64url')}`
    const reply = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.#begun = { name, credential, header, nonce, messages: `${bare},${reply}` }
    return { reply: Buffer.from(reply) }
  }

  #final(text: string, { name, credential, header, nonce, messages }: Begun): Step {
    const [, unproven = '', binding = '', given = '', , proof = ''] = clientFinal.exec(text) ?? []
    if (given !== nonce) throw new Error('the last message of SCRAM has another nonce, or is none')
    if (binding !== Buffer.from(header).toString('base64')) throw new Error('SCRAM: another header than at first')
    const signed = `${messages},${unproven}`
    const signature = hmac(this.#mechanism, credential.storedKey, signed)
    const key = xor(signature, Buffer.from(proof, 'base64'))
    if (!sameBytes(storedKey(this.#mechanism, key), credential.storedKey)) throw new Error('the password is wrong')
    const reply = `v=${hmac(this.#mechanism, credential.serverKey, signed).toString('base64')}`
    return { reply: Buffer.from(reply), identity: { name, expiresAt: null } }
  }
}
