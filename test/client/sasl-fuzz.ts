import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { NativeClient } from '../../src/client/native-client.ts'
import { ScramExchange } from '../../src/client/sasl/scram-exchange.ts'
import type { SaslOptions } from '../../src/client/security.ts'
import type { Responses } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { Recorder } from './recorder.ts'
import { ScriptedBroker } from './scripted-broker.ts'

const secret = 'S3cretText'
const text = fc.oneof(fc.constantFrom('', secret, `x ${secret} y\nforged line`), fc.string())
const code = fc.oneof(fc.constantFrom(0, 0, 0, 58, 34, 33, -1), fc.integer({ min: -32_768, max: 32_767 }))

/** An answer to SaslAuthenticate whose bytes are anything. */
const step = fc.record({
  errorCode: code,
  errorMessage: fc.option(text),
  authBytes: fc.oneof(
    text.map(each => Buffer.from(each)),
    fc.uint8Array({ maxLength: 400 }),
  ),
  sessionLifetimeMs: fc.maxSafeInteger(),
})
/** A server's first message of SCRAM as it should be, so that what comes behind it is reached. */
const proper = fc.constant('server-first' as const)
/** No frame of Kafka's. */
const raw = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes))
const steps = fc.array(
  fc.oneof({ weight: 4, arbitrary: step }, { weight: 2, arbitrary: proper }, { weight: 1, arbitrary: raw }),
  { maxLength: 6 },
)

function credentials(mechanism: string): SaslOptions {
  if (mechanism === 'OAUTHBEARER') return { mechanism, token: () => ({ value: secret }) }
  return { mechanism: mechanism as 'PLAIN', username: 'shop', password: secret }
}

function serverFirst(authBytes: Uint8Array): Encodable<Responses['SaslAuthenticate']> {
  const nonce = /,r=(.*)$/.exec(Buffer.from(authBytes).toString())?.[1]
  return { errorCode: 0, errorMessage: null, authBytes: Buffer.from(`r=${nonce}x,s=c2FsdA==,i=4096`) }
}

/** Whatever a broker answers to SASL, connecting settles, and nothing that can be seen has the password or the token in it. */
export async function fuzzSasl(options: { readonly seed: number; readonly numRuns: number }): Promise<void> {
  await using broker = await ScriptedBroker.start()
  const mechanism = fc.constantFrom('PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER')
  const holds = fc.asyncProperty(mechanism, code, steps, async (name, agreed, answers) => {
    const left = [...answers]
    broker.on('SaslHandshake', () => ({ errorCode: left.length % 3 === 0 ? agreed : 0, mechanisms: [name] }))
    broker.on('SaslAuthenticate', ({ body }, { socket }) => {
      const next = left.shift()
      if (next === undefined) socket.destroy()
      return next === 'server-first' ? serverFirst(body.authBytes) : (next ?? null)
    })
    const logger = new Recorder()
    const sasl = credentials(name)
    const client = new NativeClient({ brokers: [broker.address], sasl, logger, connectTimeoutMs: 100 })
    const error = await client.connect().catch((thrown: unknown) => thrown)
    const seen = inspect([error, client.state(), client, logger.lines], { depth: 10, showHidden: true })
    assert.doesNotMatch(seen, /S3cret/)
    await client.close()
  })
  await fc.assert(holds, options)
}

/** The example of RFC 7677. */
export const rfc7677 = {
  username: 'user',
  password: 'pencil',
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
} as const

/** No server can say what crashes the client's side of SCRAM, or makes it tell the password. */
export async function fuzzScram(options: { readonly seed: number; readonly numRuns: number }): Promise<void> {
  const { username, password, nonce, serverFirst: first, serverFinal: final } = rfc7677
  const attribute = fc.tuple(
    fc.constantFrom(...'rsivem='),
    fc.oneof(fc.constant(nonce), fc.base64String(), fc.string()),
  )
  const likely = fc
    .array(attribute, { maxLength: 5 })
    .map(all => all.map(([letter, value]) => `${letter}=${value}`).join())
  const edited = fc
    .tuple(fc.constantFrom(first, final), fc.nat(120), fc.string({ maxLength: 3 }))
    .map(([whole, at, piece]) => whole.slice(0, at) + piece + whole.slice(at + piece.length))
  const message = fc.oneof(
    fc.oneof(fc.constant(first), likely, edited, fc.string({ maxLength: 200 })).map(each => Buffer.from(each)),
    fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array)),
  )
  const holds = fc.asyncProperty(fc.array(message, { maxLength: 3 }), async messages => {
    const exchange = new ScramExchange('SCRAM-SHA-256', username, password, nonce)
    exchange.start()
    try {
      for (const each of messages) {
        const answer = await exchange.answer(each)
        if (answer !== null) assert.ok(!answer.includes(password))
      }
    } catch (error) {
      assert.ok(error instanceof Error)
      assert.ok(!`${error.message}${exchange.refusal}`.includes(password))
    }
  })
  await fc.assert(holds, options)
}
