import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { longestTimerMs, type Timer } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import type { OAuthToken, SaslOptions } from '../../src/client/security.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { Recorder, startClient } from './recorder.ts'
import { fuzzSasl } from './sasl-fuzz.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { type ScriptedSasl, scriptSasl, user } from './scripted-sasl.ts'
import { until } from './until.ts'

const plain: SaslOptions = { mechanism: 'PLAIN', ...user }
const bearer = (token: () => OAuthToken | Promise<OAuthToken>): SaslOptions => ({ mechanism: 'OAUTHBEARER', token })

/** What connecting once comes to: null, or the error. */
async function connect(broker: ScriptedBroker, sasl: SaslOptions, more: object = {}): Promise<MillraceError | null> {
  await using client = startClient({ brokers: [broker.address], sasl, ...more })
  return await client.connect().then(
    () => null,
    (error: MillraceError) => error,
  )
}

test('every connection authenticates before its first request, whatever it is for', async () => {
  await using broker = await ScriptedBroker.start()
  const { seen } = scriptSasl(broker)
  broker.on('ListGroups', () => ({ groups: [] }))
  await using client = startClient({ brokers: [broker.address], sasl: plain })
  await client.connect()
  for (const role of ['general', 'fetch', 'coordinator'] as const)
    await client.send({ nodeId: 1, role }, 'ListGroups', {})
  assert.deepEqual(seen, Array(4).fill('PLAIN shop'))
  const handshake = ['ApiVersions', 'SaslHandshake', 'SaslAuthenticate']
  assert.deepEqual(
    broker.seen.slice(4),
    Array(3)
      .fill([...handshake, 'ListGroups'])
      .flat(),
  )
})

test('a broker that has only the first version of SaslAuthenticate is spoken to in that', async () => {
  await using broker = await ScriptedBroker.start({ versions: { SaslAuthenticate: [0, 0] } })
  scriptSasl(broker, { lifetimeMs: 1 })
  assert.equal(await connect(broker, plain), null)
})

test('a token and its extensions are asked for each connection', async () => {
  await using broker = await ScriptedBroker.start()
  const { seen } = scriptSasl(broker)
  let count = 0
  const sasl = bearer(async () => ({ value: 'good', extensions: { logicalCluster: `c${++count}` } }))
  await using client = startClient({ brokers: [broker.address], sasl })
  await client.connect()
  broker.on('ListGroups', () => ({ groups: [] }))
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  assert.deepEqual(seen, ['OAUTHBEARER good {"logicalCluster":"c1"}', 'OAUTHBEARER good {"logicalCluster":"c2"}'])
})

test('a password that the broker refuses is final, and told with what to check', async () => {
  await using broker = await ScriptedBroker.start()
  const { seen } = scriptSasl(broker)
  const error = await connect(broker, { ...plain, password: 'wrong-Pencil' })
  assert.equal(error?.code, 'AUTHENTICATION')
  assert.equal(error?.retriable, false)
  assert.match(
    error?.message ?? '',
    /refuses user 'shop' \(PLAIN\): Authentication failed: Invalid username or password\. Check/,
  )
  assert.equal(seen.length, 1)
})

test('a password from a function that is refused is asked for anew', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker)
  const passwords = ['old', user.password]
  await using client = startClient({
    brokers: [broker.address],
    sasl: { ...plain, password: () => passwords.shift() ?? '' },
  })
  await assert.rejects(client.connect(), (error: MillraceError) => {
    assert.equal(error.code, 'CONNECTION')
    assert.equal((error.cause as MillraceError).code, 'AUTHENTICATION')
    assert.match(error.message, /asked anew for the next attempt/)
    return true
  })
  await client.connect()
})

test('a token that the broker refuses is told with its reason, and the next attempt asks for another', async () => {
  await using broker = await ScriptedBroker.start()
  const { seen } = scriptSasl(broker)
  const tokens = ['expired-Secret', 'good']
  await using client = startClient({ brokers: [broker.address], sasl: bearer(() => ({ value: tokens.shift() ?? '' })) })
  await assert.rejects(client.connect(), (error: MillraceError) => {
    assert.equal(error.retriable, true)
    assert.match(
      error.message,
      /refuses the token \(OAUTHBEARER\): the token is expired; status invalid_token, scope kafka\. Check/,
    )
    return true
  })
  await client.connect()
  assert.equal(seen.length, 2)
})

test('a function that fails or gives what is no token is told by name, and asked again', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker)
  const secret = 'S3cretRequest'
  const failing = Object.assign(new Error('the provider is down'), { config: { client_secret: secret } })
  const cases: readonly [() => unknown, RegExp][] = [
    [() => Promise.reject(failing), /sasl\.token\(\) failed: the provider is down/],
    [
      () => {
        throw failing
      },
      /sasl\.token\(\) failed: the provider is down/,
    ],
    [() => secret, /sasl\.token\(\) must give \{ value/],
    [() => null, /sasl\.token\(\) must give \{ value/],
    [() => ({ value: `${secret} \n` }), /sasl\.token\(\): the token is empty, or has characters/],
    [() => ({ value: 't'.repeat(70_000) }), /more than 65536 characters/],
    [() => ({ value: 't', extensions: { auth: secret } }), /sasl\.token\(\): an extension must not be called 'auth'/],
    [() => ({ value: 't', extensions: { a: 1 } }), /extensions must be an object with strings/],
  ]
  for (const [token, message] of cases) {
    const error = await connect(broker, bearer(token as () => OAuthToken))
    assert.equal(error?.retriable, true)
    assert.match(error?.message ?? '', message)
    assert.doesNotMatch(inspect(error, { depth: 10 }), /S3cret/)
  }
  const sasl: SaslOptions = { ...plain, password: () => 5 as unknown as string }
  assert.match(String(await connect(broker, sasl)), /sasl\.password\(\) must give a string/)
})

test('a mechanism that the listener does not offer is told with those it does', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker, { mechanisms: ['SCRAM-SHA-512', 'OAUTHBEARER'] })
  const error = await connect(broker, plain)
  assert.equal(error?.code, 'AUTHENTICATION')
  assert.equal((error?.cause as MillraceError | undefined)?.code, 'UNSUPPORTED_SASL_MECHANISM')
  assert.match(
    error?.message ?? '',
    /does not offer PLAIN: set sasl\.mechanism to one that it does offer \(SCRAM-SHA-512, OAUTHBEARER\)/,
  )
})

test('SASL on a listener without it, and a listener with it that is not told, say so', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('SaslHandshake', () => ({ errorCode: 34, mechanisms: [] }))
  const error = await connect(broker, plain)
  assert.equal(error?.code, 'AUTHENTICATION')
  assert.match(error?.message ?? '', /has no SASL: leave sasl out/)
  // Kafka tells its versions to anybody, and closes at the next request.
  await using wants = await ScriptedBroker.start()
  wants.on('Metadata', (_, { socket }) => {
    socket.end()
    return null
  })
  await using client = startClient({ brokers: [wants.address] })
  await assert.rejects(client.connect(), { code: 'CONNECTION', message: /this listener may want SASL/ })
})

test('a connection that is reset in the midst of SASL is tried again', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker)
  const answers = broker.handler('SaslAuthenticate')
  for (const how of ['reset', 'close'] as const) {
    broker.on('SaslAuthenticate', (_, { socket }) => {
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
      return null
    })
    await using client = startClient({ brokers: [broker.address], sasl: plain })
    await assert.rejects(client.connect(), (error: MillraceError) => {
      assert.equal(error.code, 'CONNECTION')
      assert.match(error.message, /during the authentication \(SASL\)/)
      return true
    })
    broker.on('SaslAuthenticate', answers)
    await client.connect()
  }
})

test('what is not answered in the midst of SASL is given up when connecting has taken too long, and told by name', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker)
  const clock = new VirtualClock()
  let asked = false
  const late = bearer(() => {
    asked = true
    return new Promise(() => {})
  })
  await using waiting = startClient({ brokers: [broker.address], sasl: late, clock })
  const noToken = assert.rejects(waiting.connect(), /within 10000 ms: sasl\.token\(\) does not answer/)
  await until('the token is asked for', () => asked)
  await clock.advance(10_000)
  await noToken
  broker.on('SaslAuthenticate', () => null)
  await using client = startClient({ brokers: [broker.address], sasl: plain, clock })
  const noAnswer = assert.rejects(client.connect(), /within 10000 ms: it does not answer SaslAuthenticate/)
  await until('it is asked', () => broker.seen.at(-1) === 'SaslAuthenticate')
  await clock.advance(10_000)
  await noAnswer
})

test('whatever a broker answers to SASL, nothing crashes or hangs, and no secret is told', async () => {
  await fuzzSasl({ seed: 3, numRuns: 60 })
})

test('no secret shows when a client is looked at', async () => {
  const sasl: SaslOptions = { ...plain, password: 'S3cretWord' }
  const logger = new Recorder()
  const client = new NativeClient({ brokers: ['localhost'], sasl, logger, tls: { passphrase: 'S3cretWord' } })
  assert.doesNotMatch(inspect(client, { depth: 10, showHidden: true }) + JSON.stringify(client), /S3cret/)
  await client.close()
})

test('secrets that others can read on the way are warned of once', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker)
  const logger = new Recorder()
  await using client = startClient({ brokers: [broker.address], sasl: plain, logger })
  await client.connect()
  await client.send({ nodeId: 1 }, 'Metadata', { topics: [] })
  assert.equal(logger.lines.filter(line => line.startsWith('warn PLAIN without TLS')).length, 1)
  const quiet = new Recorder()
  const scram: SaslOptions = { ...plain, mechanism: 'SCRAM-SHA-256' }
  for (const options of [{ sasl: scram }, { sasl: plain, tls: true }]) {
    await startClient({ brokers: ['localhost'], logger: quiet, ...options }).close()
  }
  assert.deepEqual(quiet.lines, [])
})

/** Stands, and as the system's takes a wait that is too long for none. */
class StandingClock extends VirtualClock {
  override after(ms: number, fn: () => void): Timer {
    return super.after(ms > longestTimerMs ? 1 : ms, fn)
  }
}

/** A client with one connection that authenticates, over a clock that stands. */
async function session(lifetimeMs: number, sasl: SaslOptions = plain) {
  const broker = await ScriptedBroker.start()
  const clock = new StandingClock()
  const script = scriptSasl(broker, { lifetimeMs })
  broker.on('ListGroups', () => ({ groups: [] }))
  const logger = new Recorder()
  const client = startClient({ brokers: [broker.address], sasl, clock, logger, random: () => 0.5 })
  await client.connect()
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  return {
    ...{ broker, clock, script, client, logger },
    [Symbol.asyncDispose]: async () => {
      await client.close()
      assert.equal(clock.timers, 0)
      await broker[Symbol.asyncDispose]()
    },
  }
}

test('a connection authenticates again when nine tenths of its session are over, again and again', async () => {
  await using at = await session(60_000)
  const { broker, clock, script, client } = at
  assert.equal(script.seen.length, 2)
  for (const round of [3, 4, 5]) {
    await clock.advance(53_999)
    assert.equal(script.seen.length, round - 1)
    await clock.advance(1)
    await until('it authenticates again', () => script.seen.length === round)
    await client.send({ nodeId: 1 }, 'ListGroups', {})
  }
  assert.equal(broker.accepted, 2)
})

test('while it authenticates again, what is under way is answered first, and what is new waits', async () => {
  await using at = await session(60_000)
  const { broker, clock, script, client } = at
  let release = () => {}
  broker.on('ListGroups', async () => {
    await new Promise<void>(resolve => {
      release = resolve
    })
    return { groups: [] }
  })
  let finish = () => {}
  script.before = () =>
    new Promise<void>(resolve => {
      finish = resolve
    })
  const from = broker.seen.length
  await clock.advance(53_900 - clock.now())
  const underWay = client.send({ nodeId: 1 }, 'ListGroups', {})
  await until('it is under way', () => broker.seen.length > from)
  await clock.advance(54_000 - clock.now())
  const late = client.send({ nodeId: 1 }, 'DescribeGroups', { groups: [] }, { timeoutMs: 100 })
  const rejected = assert.rejects(late, { code: 'REQUEST_TIMEOUT', message: /being authenticated again/ })
  await clock.advance(100)
  await rejected
  const waits = client.send({ nodeId: 1 }, 'Metadata', { topics: [] })
  const link = () => client.state().brokers[0]?.connections[0]
  assert.deepEqual([link()?.inFlight, link()?.queued], [1, 1])
  release()
  await underWay
  await until('it authenticates again', () => broker.seen.at(-1) === 'SaslAuthenticate')
  assert.deepEqual([link()?.inFlight, link()?.queued], [1, 1])
  finish()
  await waits
  assert.deepEqual(broker.seen.slice(from), ['ListGroups', 'SaslHandshake', 'SaslAuthenticate', 'Metadata'])
})

test('a lifetime beyond what a timer can wait is waited out in full', async () => {
  const lifetimeMs = 5 * 2 ** 31
  await using at = await session(lifetimeMs)
  const { clock, script } = at
  await clock.advance(0.9 * lifetimeMs - 1)
  assert.equal(script.seen.length, 2)
  await clock.advance(2)
  await until('it authenticates again', () => script.seen.length === 3)
})

test('without a lifetime nobody authenticates again', async () => {
  await using at = await session(0)
  assert.equal(at.clock.nextAt, null)
})

const failures: readonly [string, Partial<ScriptedSasl>][] = [
  ['is refused', { token: 'other' }],
  ['is not answered', { before: () => new Promise(() => {}) }],
]
for (const [what, change] of failures) {
  test(`when authenticating again ${what}, the connection ends and the next one begins anew`, async () => {
    let value = 'good'
    await using at = await session(
      60_000,
      bearer(() => ({ value })),
    )
    const { broker, clock, script, client, logger } = at
    Object.assign(script, change)
    await clock.advance(54_000)
    await until('it is under way', () => script.seen.length === 3 || broker.count('SaslAuthenticate') === 3)
    await clock.advance(10_000)
    const told = () => logger.lines.some(line => /did not authenticate this client again/.test(line))
    await until('it is told', told)
    value = script.token
    script.before = () => {}
    const sent = client.send({ nodeId: 1 }, 'ListGroups', {})
    await clock.advance(1_000)
    await sent
    assert.equal(broker.accepted, 3)
    assert.doesNotMatch(logger.lines.join('\n'), /S3cret/)
  })
}

test('a client that is closed while it authenticates again leaves nothing behind', async () => {
  let asked = 0
  const sasl = bearer(() => (++asked > 2 ? new Promise(() => {}) : { value: 'good' }))
  await using at = await session(60_000, sasl)
  await at.clock.advance(54_000)
  await until('the token is asked for', () => asked === 3)
})

test('a wrong option is named, what was expected too, and no secret', () => {
  const cases: readonly [unknown, RegExp][] = [
    ['PLAIN:shop:S3cret', /sasl must be an object such as/],
    [null, /sasl must be an object such as/],
    [{}, /sasl\.mechanism must be one of 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', not undefined/],
    [{ mechanism: 'scram-sha-256', ...user }, /in capitals: 'SCRAM-SHA-256'/],
    [{ mechanism: 'aws' }, /AWS MSK IAM is done with 'OAUTHBEARER'/],
    [{ mechanism: 'GSSAPI' }, /Kerberos is not supported/],
    [{ mechanism: 'PLAIN', password: 'S3cret' }, /sasl\.username must be given for PLAIN/],
    [
      { mechanism: 'PLAIN', username: 'shop' },
      /sasl\.password must be a string of 1 to 65536 characters, or a function/,
    ],
    [{ mechanism: 'PLAIN', username: 'shop', password: '' }, /sasl\.password must be/],
    [{ mechanism: 'PLAIN', username: 'shop', password: ['S3cret'] }, /sasl\.password must be/],
    [{ mechanism: 'PLAIN', username: 'shop', password: 'S3cret\0' }, /without a NUL/],
    [{ mechanism: 'PLAIN', username: 'a\0b', password: 'S3cret' }, /sasl\.username must be .* without a NUL/],
    [
      { mechanism: 'PLAIN', user: 'shop', password: 'S3cret' },
      /sasl\.user is not an option: it is called sasl\.username/,
    ],
    [{ mechanism: 'OAUTHBEARER', token: 'S3cret' }, /sasl\.token must be a function/],
    [{ mechanism: 'OAUTHBEARER', oauthBearerProvider: () => {} }, /it is called sasl\.token/],
    [
      { mechanism: 'OAUTHBEARER', token: () => {}, username: 'x' },
      /sasl\.username is not an option; known here: mechanism, token/,
    ],
  ]
  for (const [sasl, message] of cases) {
    assert.throws(
      () => startClient({ brokers: ['localhost'], sasl: sasl as SaslOptions }),
      (error: MillraceError) => {
        assert.equal(error.code, 'INVALID_OPTION')
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /S3cret/)
        return true
      },
    )
  }
})
