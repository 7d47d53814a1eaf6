import { escapeName, unescapeName } from './scram.ts'

/**
 * The messages of OAUTHBEARER (RFC 7628, KIP-255, KIP-342); `^A` is the byte 1:
 *
 *     client   n,a=authzid,^Aauth=Bearer token^Aname=value^A…^A
 *     server   nothing when it takes the token, else JSON: {"status":"invalid_token", …}
 *     client   ^A when it was refused: the server fails the authentication then
 */
export interface BearerMessage {
  /** On whose behalf, `''`: the token's own. */
  readonly authzid: string
  readonly token: string
  readonly extensions: Readonly<Record<string, string>>
}

/** Why the server refuses a token. */
export interface BearerRefusal {
  /** Such as `invalid_token`. */
  readonly status: string
  readonly scope?: string | undefined
  /** Where the server's provider of tokens describes itself. */
  readonly openidConfiguration?: string | undefined
}

const separator = '\x01'
const tokenSyntax = /^[-._~+/a-zA-Z0-9]+=*$/
const nameSyntax = /^[a-zA-Z]+$/
const valueSyntax = /^[\x20-\x7e\t\r\n]+$/

/** The client's answer to a refusal. */
export const bearerGivesUp: Buffer = Buffer.of(1)

/** What keeps this from being sent, without quoting the token or a value; null when nothing does. */
export function bearerFault(token: string, extensions: Readonly<Record<string, string>>): string | null {
  if (!tokenSyntax.test(token)) return 'the token is empty, or has characters that no bearer token has (RFC 6750)'
  for (const [name, value] of Object.entries(extensions)) {
    if (!nameSyntax.test(name)) return `the extension '${name}' must have a name of letters`
    if (name === 'auth') return "an extension must not be called 'auth': that is the token's own name"
    if (!valueSyntax.test(value)) return `the extension ${name} must have a value of printable ASCII characters`
  }
  return null
}

/** Of what `bearerFault` finds no fault with. */
export function encodeBearer({ authzid, token, extensions }: BearerMessage): Buffer {
  const behalf = authzid === '' ? '' : `a=${escapeName(authzid)}`
  const pairs = Object.entries({ auth: `Bearer ${token}`, ...extensions })
  const lines = pairs.map(([name, value]) => `${name}=${value}${separator}`)
  return Buffer.from(`n,${behalf},${separator}${lines.join('')}${separator}`)
}

/** Null when it is no such message, or names another scheme than `Bearer` (in any case). */
export function parseBearer(message: Buffer): BearerMessage | null {
  const [header = '', ...lines] = message.toString('utf8').split(separator)
  // The last pair ends with a separator, and so does the message.
  if (lines.length < 3 || lines.pop() !== '' || lines.pop() !== '') return null
  const authzid = parseHeader(header)
  const pairs = new Map<string, string>()
  for (const line of lines) {
    const at = line.indexOf('=')
    const name = line.slice(0, Math.max(0, at))
    const value = line.slice(at + 1)
    if (!nameSyntax.test(name) || !valueSyntax.test(value) || pairs.has(name)) return null
    pairs.set(name, value)
  }
  const token = /^bearer +(.+)$/i.exec(pairs.get('auth') ?? '')?.[1]
  if (authzid === null || token === undefined || !tokenSyntax.test(token)) return null
  pairs.delete('auth')
  return { authzid, token, extensions: Object.fromEntries(pairs) }
}

/** `n,,` or `n,a=name,`: who it is for; null when it is neither. */
function parseHeader(header: string): string | null {
  if (header === 'n,,') return ''
  const name = /^n,a=([^,]+),$/.exec(header)?.[1]
  return name === undefined ? null : unescapeName(name)
}

export function encodeBearerRefusal({ status, scope, openidConfiguration }: BearerRefusal): Buffer {
  return Buffer.from(JSON.stringify({ status, scope, 'openid-configuration': openidConfiguration }))
}

/** Null when it is no such JSON. */
export function parseBearerRefusal(challenge: Buffer): BearerRefusal | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(challenge.toString('utf8'))
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const text = (name: string) => {
    const value: unknown = Reflect.get(parsed, name)
    return typeof value === 'string' ? value : undefined
  }
  const status = text('status')
  if (status === undefined) return null
  return { status, scope: text('scope'), openidConfiguration: text('openid-configuration') }
}
