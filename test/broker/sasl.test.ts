import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { apiTable } from '../../src/broker/api/table.ts'
import { Broker, type BrokerOptions, HeldClock } from '../../src/broker/index.ts'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { encodeBearer } from '../../src/protocol/sasl/oauthbearer.ts'
import { until } from '../until.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'
import { authenticate, handshake, plain, scram, unsecuredToken } from './sasl-client.ts'

const users = { alice: 'alice-secret', 'b=o,b': 'böb' }
const address = (broker: Broker) => broker.brokers[0] ?? ''
const versions = requestFrame('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
const metadata = requestFrame('Metadata', 9, { topics: null })
const errors = { unsupported: 33, state: 34, failed: 58 }

async function closed(client: RawConnection): Promise<void> {
  await until('the connection is closed', () => !client.open)
}

test('who has the password by PLAIN is served, in every version of the request', async () => {
  await using broker = await Broker.start({ sasl: { users } })
  for (const [at, [name, password]] of [...Object.entries(users), ...Object.entries(users)].entries()) {
    using client = await RawConnection.to(address(broker))
    if (at % 2 === 0) assert.ok(await client.exchange(versions))
    const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']
    assert.deepEqual(await handshake(client, 'PLAIN'), { errorCode: 0, mechanisms })
    const answer = await authenticate(client, plain(name, password, at === 0 ? name : ''), at % 3)
    assert.deepEqual(
      { ...answer },
      { errorCode: 0, errorMessage: '', authBytes: Buffer.alloc(0), sessionLifetimeMs: 0 },
    )
    assert.ok(await client.exchange(metadata))
  }
})

const wrongLogins: readonly [what: string, message: Buffer, says: string][] = [
  ['a wrong password', plain('alice', 'x'), 'Authentication failed: Invalid username or password'],
  ['a wrong user', plain('carol', 'alice-secret'), 'Authentication failed: Invalid username or password'],
  ['no user', plain('', 'x'), 'Authentication failed: username not specified'],
  ['no password', plain('alice', ''), 'Authentication failed: password not specified'],
  [
    'on behalf of another',
    plain('alice', 'alice-secret', 'bob'),
    'Authentication failed: Client requested an authorization id that is different from username',
  ],
  ['another number of parts', Buffer.from('alice'), 'Invalid SASL/PLAIN response: expected 3 tokens, got 1'],
]

test('who has not is told so as Kafka tells it, and its connection is closed', async t => {
  await using broker = await Broker.start({ sasl: { users } })
  for (const [what, message, says] of wrongLogins) {
    await t.test(what, async () => {
      using client = await RawConnection.to(address(broker))
      await handshake(client, 'PLAIN')
      const answer = await authenticate(client, message)
      assert.deepEqual([answer?.errorCode, answer?.errorMessage], [errors.failed, says])
      await closed(client)
      const { outcome, why, errors: told } = broker.requests.at(-1) ?? {}
      assert.deepEqual([outcome, why, told], ['closed', says, ['SASL_AUTHENTICATION_FAILED']])
    })
  }
})

test('by SCRAM both sides prove that they know the password', async t => {
  await using broker = await Broker.start({ sasl: { users } })
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const failed = `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`
    const login = async (username: string, password: string, more = {}) => {
      using client = await RawConnection.to(address(broker))
      await handshake(client, mechanism)
      const outcome = await scram(client, mechanism, { username, password, ...more })
      const { errorCode, errorMessage } = outcome.last ?? outcome.first ?? {}
      if (errorCode !== 0) await closed(client)
      else assert.ok(await client.exchange(metadata))
      return { errorCode, errorMessage, verified: outcome.verified ?? false }
    }
    await t.test(mechanism, async () => {
      for (const [name, password] of Object.entries(users)) {
        assert.deepEqual(await login(name, password), { errorCode: 0, errorMessage: '', verified: true })
      }
      assert.equal((await login('alice', 'alice-secret', { authzid: 'alice' })).verified, true)
      const refused = { errorCode: errors.failed, errorMessage: failed, verified: false }
      assert.deepEqual(await login('alice', 'wrong'), refused)
      assert.deepEqual(await login('carol', 'alice-secret'), refused)
      for (const tamper of [
        (text: string) => text.replace(/,r=.../, ',r=xyz'),
        (text: string) => text.replace('c=biws', 'c=eSws'),
        (text: string) => text.replace(/,p=.*/, ''),
        (text: string) => text.replace(/,p=.*/, ',p=AAAA'),
      ]) {
        assert.deepEqual(await login('alice', 'alice-secret', { tamper }), refused)
      }
    })
  }
})

test('a token without a signature is taken until it expires, unless the options say who it stands for', async () => {
  const clock = new HeldClock()
  const seconds = clock.wallTime() / 1000
  await using broker = await Broker.start({ clock, sasl: {} })
  const login = async (message: Buffer) => {
    const client = await RawConnection.to(address(broker))
    await handshake(client, 'OAUTHBEARER')
    return { client, answer: await authenticate(client, message) }
  }
  const bearer = (token: string, more = {}) => encodeBearer({ authzid: '', extensions: {}, token, ...more })
  const good = unsecuredToken({ sub: 'alice', exp: seconds + 60 })
  const { client, answer } = await login(bearer(good, { authzid: 'alice', extensions: { traceId: '1' } }))
  assert.deepEqual([answer?.errorCode, answer?.sessionLifetimeMs], [0, 60_000])
  assert.ok(await client.exchange(metadata))
  client[Symbol.dispose]()
  for (const token of [
    unsecuredToken({ sub: 'alice', exp: seconds - 1 }),
    unsecuredToken({ sub: 'alice' }),
    unsecuredToken({ exp: seconds + 60 }),
    unsecuredToken({ sub: 'alice', exp: seconds + 60 }, { alg: 'HS256' }),
    `${good}c2lnbmF0dXJl`,
    'no.token.',
    'nothing',
  ]) {
    const { client, answer } = await login(bearer(token))
    assert.deepEqual([answer?.errorCode, answer?.authBytes.toString()], [0, '{"status":"invalid_token"}'])
    const last = await authenticate(client, '\x01')
    assert.deepEqual([last?.errorCode, last?.errorMessage], [errors.failed, '{"status":"invalid_token"}'])
    await closed(client)
  }
  const other = await login(bearer(good, { authzid: 'bob' }))
  assert.match(other.answer?.errorMessage ?? '', /authorization id \(bob\) that is different .* \(alice\)/)
  const none = await login(Buffer.from('nothing'))
  assert.match(none.answer?.errorMessage ?? '', /due to invalid credentials with SASL mechanism OAUTHBEARER/)
})

test('a function of the options judges tokens and their extensions', async () => {
  const asked: unknown[] = []
  const oauth = async (token: string, extensions: Readonly<Record<string, string>>) => {
    asked.push({ token, extensions })
    if (token === 'broken') throw new Error('no such key')
    return token === 'good' ? { principal: 'alice', lifetimeMs: 2 ** 40 } : null
  }
  await using broker = await Broker.start({ sasl: { oauth }, clock: new HeldClock() })
  for (const [token, errorCode, lifetime] of [
    ['good', 0, 2 ** 40],
    ['bad', errors.failed, 0],
    ['broken', errors.failed, 0],
  ] as const) {
    using client = await RawConnection.to(address(broker))
    await handshake(client, 'OAUTHBEARER')
    const message = encodeBearer({ authzid: '', token, extensions: { cluster: 'c' } })
    const first = await authenticate(client, message)
    const last = errorCode === 0 ? first : await authenticate(client, '\x01')
    assert.deepEqual([last?.errorCode, last?.sessionLifetimeMs], [errorCode, lifetime])
  }
  assert.deepEqual(asked[0], { token: 'good', extensions: { cluster: 'c' } })
})

test('a mechanism that the broker lacks is refused with those that it has', async () => {
  await using broker = await Broker.start({ sasl: { users, mechanisms: ['SCRAM-SHA-512'] } })
  for (const mechanism of ['PLAIN', 'scram-sha-512', '', 'GSSAPI']) {
    using client = await RawConnection.to(address(broker))
    assert.deepEqual(await handshake(client, mechanism), {
      errorCode: errors.unsupported,
      mechanisms: ['SCRAM-SHA-512'],
    })
    await closed(client)
  }
})

test('whatever else comes before a client has authenticated closes its connection', async t => {
  await using broker = await Broker.start({ sasl: { users }, topics: { orders: 1 }, requestLog: 10_000 })
  const names = (Object.keys(apiTable) as ApiName[]).filter(name => !['ApiVersions', 'SaslHandshake'].includes(name))
  const refused = async (what: string, before: (client: RawConnection) => Promise<unknown>, frame: Buffer) => {
    using client = await RawConnection.to(address(broker))
    await before(client)
    assert.equal(await client.exchange(frame), null, what)
    assert.match(broker.requests.at(-1)?.why ?? '', / came before the client had authenticated$/)
  }
  await t.test('at first', async () => {
    for (const name of names) {
      await refused(name, async () => {}, requestFrame(name, api(name).maxVersion, {} as never))
    }
  })
  await t.test('after versions were told', () => refused('metadata', client => client.exchange(versions), metadata))
  await t.test('versions, a second time', () => refused('versions', client => client.exchange(versions), versions))
  await t.test('within the exchange, with an answer before', async () => {
    for (const name of [...names, 'ApiVersions', 'SaslHandshake'] as const) {
      if (name === 'SaslAuthenticate') continue
      using client = await RawConnection.to(address(broker))
      await handshake(client, 'PLAIN')
      const answer = await client.exchange(requestFrame(name, api(name).maxVersion, {} as never))
      // A request to produce without acknowledgements cannot be answered.
      assert.equal(answer === null, name === 'Produce', name)
      await closed(client)
      const { outcome, why } = broker.requests.at(-1) ?? {}
      assert.equal(outcome, 'closed')
      if (name !== 'Produce') assert.equal(why, `${name} came before the client had authenticated`)
    }
  })
  assert.ok(!broker.requests.some(({ outcome, api }) => outcome === 'answered' && api === 'Metadata'))
})

test('a stranger sends no long frames, and one that is known does', async () => {
  await using broker = await Broker.start({ sasl: { users } })
  const long = requestFrame('Metadata', 9, { topics: Array.from({ length: 600 }, () => ({ name: 'x'.repeat(1_000) })) })
  using stranger = await RawConnection.to(address(broker))
  assert.equal(await stranger.exchange(long), null)
  assert.match(broker.requests.at(-1)?.why ?? '', /at most 524288 are taken/)
  using known = await RawConnection.to(address(broker))
  await handshake(known, 'PLAIN')
  await authenticate(known, plain('alice', users.alice))
  assert.ok(await known.exchange(long))
})

test('SASL is out of place once it is over, and where there is none', async () => {
  await using secured = await Broker.start({ sasl: { users } })
  await using open = await Broker.start()
  for (const broker of [secured, open]) {
    using client = await RawConnection.to(address(broker))
    if (broker === secured) {
      await handshake(client, 'PLAIN')
      await authenticate(client, plain('alice', users.alice))
    }
    assert.deepEqual(await handshake(client, 'PLAIN'), { errorCode: errors.state, mechanisms: [] })
    const answer = await authenticate(client, plain('alice', users.alice))
    const says = 'SaslAuthenticate request received after successful authentication'
    assert.deepEqual([answer?.errorCode, answer?.errorMessage], [errors.state, says])
    assert.ok(await client.exchange(metadata), 'the connection goes on')
  }
})

test('messages without requests around them are understood, as old clients send them', async () => {
  await using broker = await Broker.start({ sasl: { users } })
  const framed = (bytes: Buffer) => Buffer.concat([Buffer.of(0, 0, 0, bytes.length), bytes])
  for (const [password, ends] of [
    [users.alice, Buffer.of(0, 0, 0, 0)],
    ['wrong', null],
  ] as const) {
    const [host, port] = address(broker).split(':')
    const socket = connect(Number(port), host).on('error', () => {})
    const data = () => once(socket, 'data').then(([chunk]: Buffer[]) => chunk)
    socket.write(framed(requestFrame('SaslHandshake', 0, { mechanism: 'PLAIN' })))
    assert.equal((await data())?.readInt16BE(8), 0)
    const answer = Promise.race([data(), once(socket, 'close').then(() => null)])
    socket.write(framed(plain('alice', password)))
    assert.deepEqual(await answer, ends)
    if (ends !== null) {
      const versions = data()
      socket.write(framed(requestFrame('ApiVersions', 0, {})))
      assert.ok(((await versions)?.length ?? 0) > 50)
    }
    socket.destroy()
  }
})

test('a session ends when its time is over, unless the client authenticates again', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ clock, sasl: { users, sessionLifetimeMs: 60_000 } })
  using renewing = await RawConnection.to(address(broker))
  using late = await RawConnection.to(address(broker))
  using forgetful = await RawConnection.to(address(broker))
  const login = async (client: RawConnection, password = users.alice, name = 'alice') => {
    const { errorCode } = (await handshake(client, 'PLAIN')) ?? {}
    return errorCode === 0 ? await authenticate(client, plain(name, password)) : errorCode
  }
  for (const client of [renewing, late, forgetful]) {
    const answer = await login(client)
    assert.equal(typeof answer === 'object' && answer?.sessionLifetimeMs, 60_000)
  }
  await clock.advance(50_000)
  assert.equal(((await login(renewing)) as { sessionLifetimeMs: number }).sessionLifetimeMs, 60_000)
  assert.equal(await login(renewing), errors.state, 'not twice within a second')
  await clock.advance(10_000)
  assert.ok(await renewing.exchange(metadata), 'it has a new session')
  assert.ok(await login(late), 'the exchange may begin when the session is over')
  assert.ok(await late.exchange(metadata))
  assert.equal(await forgetful.exchange(metadata), null)
  assert.match(broker.requests.at(-1)?.why ?? '', /went on after its session had expired/)
})

test('who authenticates again stays who it was, by the same mechanism', async () => {
  const clock = new HeldClock()
  const all = { ...users, bob: 'bob-secret' }
  await using broker = await Broker.start({ clock, sasl: { users: all, sessionLifetimeMs: 60_000 } })
  const known = async () => {
    const client = await RawConnection.to(address(broker))
    await handshake(client, 'PLAIN')
    await authenticate(client, plain('alice', users.alice))
    await clock.advance(2_000)
    return client
  }
  using other = await known()
  await handshake(other, 'PLAIN')
  assert.equal(
    (await authenticate(other, plain('bob', all.bob)))?.errorMessage,
    'Cannot change principals during re-authentication from User.alice: User.bob',
  )
  await closed(other)
  using wrong = await known()
  await handshake(wrong, 'PLAIN')
  assert.equal((await authenticate(wrong, plain('alice', 'x')))?.errorCode, errors.failed)
  await closed(wrong)
  using mixed = await known()
  assert.equal((await handshake(mixed, 'SCRAM-SHA-256'))?.errorCode, 0)
  await authenticate(mixed, 'n,,n=alice,r=abc')
  await closed(mixed)
})

test('no password is in anything that the broker shows', async () => {
  for (const thread of [false, true]) {
    await using broker = await Broker.start({ thread, sasl: { users } })
    using client = await RawConnection.to(address(broker))
    const seen: unknown[] = [broker]
    if (!thread) broker.fault({ when: call => seen.push(call.session) > 0, action: { observe: true } })
    broker.onRequest(request => seen.push(request))
    await handshake(client, 'PLAIN')
    await authenticate(client, plain('alice', users.alice))
    await client.exchange(metadata)
    using failing = await RawConnection.to(address(broker))
    await handshake(failing, 'PLAIN')
    await authenticate(failing, plain('alice', `${users.alice}!`))
    seen.push(broker.requests)
    const shown = inspect(seen, { depth: 20, showHidden: true }) + JSON.stringify(broker.requests)
    assert.ok(!shown.includes('alice-secret') && !shown.includes(Buffer.from('alice-secret').toString('hex')))
  }
})

const wrong: readonly [sasl: unknown, message: RegExp][] = [
  [[], /^sasl must be an object/],
  [{ user: 'alice' }, /^sasl\.user is not an option; known here: mechanisms, users, oauth, sessionLifetimeMs/],
  [{ mechanisms: ['PLAIN'] }, /^sasl\.users must name at least one user: PLAIN lets in nobody else/],
  [
    { mechanisms: [], users },
    /^sasl\.mechanisms must be a list of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, not \[\]/,
  ],
  [{ mechanisms: ['GSSAPI'], users }, /^sasl\.mechanisms must be a list of .*, not \['GSSAPI'\]/],
  [{ users: { alice: 7 } }, /^sasl\.users\.alice must be a password: a string that is not empty$/],
  [{ users: { alice: '' } }, /^sasl\.users\.alice must be a password/],
  [{ users: { '': 'x' } }, /^sasl\.users has a user without a name/],
  [{ oauth: 'token' }, /^sasl\.oauth must be a function/],
  [{ users, sessionLifetimeMs: 0 }, /^sasl\.sessionLifetimeMs must be a whole number of at least 1/],
]

test('a wrong option of SASL is named with what was expected', async () => {
  for (const [sasl, message] of wrong) {
    await assert.rejects(Broker.start({ sasl } as BrokerOptions), { code: 'INVALID_OPTION', message })
  }
  const inThread = Broker.start({ thread: true, sasl: { oauth: () => null } })
  await assert.rejects(inThread, /^OptionError: sasl\.oauth cannot be set beside thread/)
})
