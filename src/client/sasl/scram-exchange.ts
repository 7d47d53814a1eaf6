import { randomBytes } from 'node:crypto'
import {
  clientKey,
  escapeName,
  hmac,
  parseAttributes,
  type ScramMechanism,
  saltedPassword,
  sameBytes,
  serverKey,
  storedKey,
  xor,
} from '../../protocol/sasl/scram.ts'
import { type Exchange, quotable } from './exchange.ts'

/** Fewer make a stolen message too cheap to try passwords on (RFC 7677); Kafka allows none below either. */
const minIterations = 4_096
/** More would let a broker keep this machine busy: it is half a second's work. */
const maxIterations = 1_000_000
const maxSaltBytes = 1_024

/**
 * SCRAM (RFC 5802): proves the password without sending it, and has the broker prove that it knows it too.
 *
 *     first ──server-first──▶ proof ──server-final──▶ over
 */
export class ScramExchange implements Exchange {
  refusal = ''
  readonly #mechanism: ScramMechanism
  readonly #password: string
  readonly #nonce: string
  readonly #first: string
  #step: 'first' | 'proof' | 'over' = 'first'
  #expected: Buffer | null = null

  constructor(
    mechanism: ScramMechanism,
    username: string,
    password: string,
    nonce = randomBytes(24).toString('base64'),
  ) {
    this.#mechanism = mechanism
    this.#password = password
    this.#nonce = nonce
    this.#first = `n=${escapeName(username)},r=${nonce}`
  }

  get secrets(): readonly string[] {
    return [this.#password]
  }

  start(): Buffer {
    return Buffer.from(`n,,${this.#first}`)
  }

  async answer(challenge: Buffer): Promise<Buffer | null> {
    const message = challenge.toString('utf8')
    if (this.#step === 'first') {
      this.#step = 'proof'
      return this.#prove(message)
    }
    if (this.#step === 'proof') {
      this.#step = 'over'
      this.#verify(message)
      return null
    }
    throw new Error('it goes on with an exchange that is over')
  }

  async #prove(serverFirst: string): Promise<Buffer> {
    const attributes = this.#parse(serverFirst)
    const nonce = attributes.get('r') ?? ''
    if (attributes.has('m')) throw new Error('it asks for an extension that is not known here')
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new Error('its answer belongs to another exchange: the nonce is not the one it was sent')
    }
    const salt = fromBase64(attributes.get('s'))
    if (salt === null || salt.length === 0 || salt.length > maxSaltBytes)
      throw new Error('its answer has no usable salt')
    const iterations = this.#iterations(attributes.get('i'))
    const salted = await saltedPassword(this.#mechanism, this.#password, salt, iterations)
    const withoutProof = `c=biws,r=${nonce}`
    const signed = `${this.#first},${serverFirst},${withoutProof}`
    const key = clientKey(this.#mechanism, salted)
    const proof = xor(key, hmac(this.#mechanism, storedKey(this.#mechanism, key), signed))
    this.#expected = hmac(this.#mechanism, serverKey(this.#mechanism, salted), signed)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  #iterations(text = ''): number {
    const iterations = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0
    if (iterations >= minIterations && iterations <= maxIterations) return iterations
    throw new Error(
      `it wants ${quotable(text, this.secrets) || 'no'} iterations, and ${minIterations} to ${maxIterations} are allowed: fewer protect the ` +
        'password too little, more keep this machine busy',
    )
  }

  #verify(serverFinal: string): void {
    const attributes = this.#parse(serverFinal)
    const error = attributes.get('e')
    if (error !== undefined) {
      this.refusal = error
      throw new Error(`it refuses: ${quotable(error, this.secrets)}`)
    }
    const signature = fromBase64(attributes.get('v'))
    if (signature === null || this.#expected === null || !sameBytes(signature, this.#expected)) {
      throw new Error('it does not know the password itself: it is not the broker it claims to be')
    }
  }

  #parse(message: string): ReadonlyMap<string, string> {
    const attributes = parseAttributes(message)
    if (attributes === null) throw new Error('its answer is not a message of SCRAM')
    return attributes
  }
}

/** Null for what is not base64 throughout: Node would leave out what it does not know. */
function fromBase64(text = ''): Buffer | null {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, 'base64')
    : null
}
