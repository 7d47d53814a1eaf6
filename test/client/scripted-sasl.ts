import { parseBearer } from '../../src/protocol/sasl/oauthbearer.ts'
import { parsePlain } from '../../src/protocol/sasl/plain.ts'
import type { ScriptedBroker } from './scripted-broker.ts'

export const user = { username: 'shop', password: 's3cret-Pencil' }

/** How a scripted broker does SASL. */
export interface ScriptedSasl {
  readonly mechanisms?: readonly string[]
  /** How long each authentication holds; 0 for ever. */
  lifetimeMs: number
  /** What is taken as token. */
  token: string
  /** Called before each answer to SaslAuthenticate. */
  before: () => Promise<void> | void
  /** What came, mechanism and name or token. */
  readonly seen: string[]
}

/** Has the broker ask for PLAIN or OAUTHBEARER, as `user` or with the token. */
export function scriptSasl(broker: ScriptedBroker, options: Partial<ScriptedSasl> = {}): ScriptedSasl {
  const sasl: ScriptedSasl = { lifetimeMs: 0, token: 'good', before: () => {}, seen: [], ...options }
  const { mechanisms = ['PLAIN', 'OAUTHBEARER'] } = sasl
  let mechanism = ''
  broker.on('SaslHandshake', request => {
    mechanism = request.body.mechanism
    return { errorCode: mechanisms.includes(mechanism) ? 0 : 33, mechanisms }
  })
  broker.on('SaslAuthenticate', async request => {
    await sasl.before()
    const message = Buffer.from(request.body.authBytes)
    const done = { errorCode: 0, errorMessage: null, authBytes: Buffer.alloc(0), sessionLifetimeMs: sasl.lifetimeMs }
    if (mechanism === 'PLAIN') {
      const plain = parsePlain(message)
      sasl.seen.push(`PLAIN ${plain?.username}`)
      const knows = plain?.username === user.username && plain.password === user.password
      return knows
        ? done
        : { ...done, errorCode: 58, errorMessage: 'Authentication failed: Invalid username or password' }
    }
    if (message.equals(Buffer.of(1))) return { ...done, errorCode: 58, errorMessage: 'the token is expired' }
    const bearer = parseBearer(message)
    sasl.seen.push(`OAUTHBEARER ${bearer?.token} ${JSON.stringify(bearer?.extensions)}`)
    if (bearer?.token === sasl.token) return done
    return { ...done, authBytes: Buffer.from('{"status":"invalid_token","scope":"kafka"}') }
  })
  return sasl
}
