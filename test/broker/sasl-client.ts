import { randomBytes } from 'node:crypto'
import { decodeResponse } from '../../src/protocol/frame.ts'
import type { Responses } from '../../src/protocol/messages.ts'
import { encodePlain } from '../../src/protocol/sasl/plain.ts'
import {
  clientKey,
  escapeName,
  hmac,
  parseAttributes,
  type ScramMechanism,
  saltedPassword,
  serverKey,
  storedKey,
  xor,
} from '../../src/protocol/sasl/scram.ts'
import { type RawConnection, requestFrame } from './raw-connection.ts'

/** Asks for a mechanism; null: the connection was closed instead. */
export async function handshake(
  client: RawConnection,
  mechanism: string,
  version = 1,
): Promise<Responses['SaslHandshake'] | null> {
  const answer = await client.exchange(requestFrame('SaslHandshake', version, { mechanism }))
  return answer && decodeResponse('SaslHandshake', version, answer)
}

/** One message of an exchange; null: the connection was closed instead. */
export async function authenticate(
  client: RawConnection,
  message: Buffer | string,
  version = 2,
): Promise<Responses['SaslAuthenticate'] | null> {
  const answer = await client.exchange(requestFrame('SaslAuthenticate', version, { authBytes: Buffer.from(message) }))
  return answer && decodeResponse('SaslAuthenticate', version, answer)
}

export function plain(username: string, password: string, authzid = ''): Buffer {
  return encodePlain({ authzid, username, password })
}

/** Both rounds of an exchange by SCRAM. The answers as they came; `verified`: the server knew the password too. */
export async function scram(
  client: RawConnection,
  mechanism: ScramMechanism,
  { username, password, authzid = '', tamper = (text: string) => text }: ScramLogin,
): Promise<{
  first: Responses['SaslAuthenticate'] | null
  last?: Responses['SaslAuthenticate'] | null
  verified?: boolean
}> {
  const header = authzid === '' ? 'n,,' : `n,a=${escapeName(authzid)},`
  const bare = `n=${escapeName(username)},r=${randomBytes(18).toString('base64url')}`
  const first = await authenticate(client, `${header}${bare}`)
  if (first === null || first.errorCode !== 0) return { first }
  const serverFirst = first.authBytes.toString()
  const attributes = parseAttributes(serverFirst)
  const salt = Buffer.from(attributes?.get('s') ?? '', 'base64')
  const salted = await saltedPassword(mechanism, password, salt, Number(attributes?.get('i')))
  const unproven = `c=${Buffer.from(header).toString('base64')},r=${attributes?.get('r')}`
  const signed = `${bare},${serverFirst},${unproven}`
  const key = clientKey(mechanism, salted)
  const proof = xor(key, hmac(mechanism, storedKey(mechanism, key), signed)).toString('base64')
  const last = await authenticate(client, tamper(`${unproven},p=${proof}`))
  const signature = hmac(mechanism, serverKey(mechanism, salted), signed).toString('base64')
  return { first, last, verified: last?.authBytes.toString() === `v=${signature}` }
}

export interface ScramLogin {
  readonly username: string
  readonly password: string
  readonly authzid?: string
  readonly tamper?: (text: string) => string
}

/** A JWT without a signature. */
export function unsecuredToken(claims: object, header: object = { alg: 'none' }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.`
}
