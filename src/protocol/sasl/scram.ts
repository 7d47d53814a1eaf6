import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/**
 * What both sides of a SCRAM exchange compute and write (RFC 5802, RFC 7677). No channel binding, as in Kafka.
 *
 *     client-first   n,,n=user,r=clientNonce
 *     server-first   r=clientNonce+serverNonce,s=salt,i=iterations
 *     client-final   c=biws,r=nonce,p=proof
 *     server-final   v=signature  or  e=error
 */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

const hashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const
const hashBytes = { sha256: 32, sha512: 64 } as const
const derive = promisify(pbkdf2)

/** What a server keeps of a password. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** `Hi()` of the RFC, in the thread pool: thousands of iterations. */
export function saltedPassword(
  mechanism: ScramMechanism,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Buffer> {
  const hash = hashes[mechanism]
  return derive(password, salt, iterations, hashBytes[hash], hash)
}

export function clientKey(mechanism: ScramMechanism, salted: Uint8Array): Buffer {
  return hmac(mechanism, salted, 'Client Key')
}

export function serverKey(mechanism: ScramMechanism, salted: Uint8Array): Buffer {
  return hmac(mechanism, salted, 'Server Key')
}

export function storedKey(mechanism: ScramMechanism, key: Uint8Array): Buffer {
  return createHash(hashes[mechanism]).update(key).digest()
}

export async function scramCredential(
  mechanism: ScramMechanism,
  password: string,
  salt: Buffer,
  iterations: number,
): Promise<ScramCredential> {
  const salted = await saltedPassword(mechanism, password, salt, iterations)
  return {
    salt,
    iterations,
    storedKey: storedKey(mechanism, clientKey(mechanism, salted)),
    serverKey: serverKey(mechanism, salted),
  }
}

export function hmac(mechanism: ScramMechanism, key: Uint8Array, text: string): Buffer {
  return createHmac(hashes[mechanism], key).update(text).digest()
}

export function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)))
}

/** In a time that does not tell where they differ. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

/** `=` and `,` in a user's name, as they are written. */
export function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

/** The name as it was before `escapeName`; null when that cannot have written it. */
export function unescapeName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text) || text.includes(',')) return null
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/**
 * The attributes of a message, each a letter, `=` and a value up to the next comma; null when it is no such list or a letter comes twice.
 */
export function parseAttributes(message: string): ReadonlyMap<string, string> | null {
  const attributes = new Map<string, string>()
  for (const part of message.split(',')) {
    const letter = part[0]
    if (letter === undefined || !/[a-zA-Z]/.test(letter) || part[1] !== '=' || attributes.has(letter)) return null
    attributes.set(letter, part.slice(2))
  }
  return attributes
}
