import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { Broker, type BrokerOptions, HeldClock } from '../../src/broker/index.ts'
import { Authority } from '../../src/broker/security/authority.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import { until } from '../until.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

const address = (broker: Broker) => broker.brokers[0] ?? ''
const port = (broker: Broker) => Number(address(broker).split(':')[1])
const ca = (broker: Broker) => broker.ca ?? ''
const versions = requestFrame('ApiVersions', 0, {})
const allTopics = requestFrame('Metadata', 9, { topics: null })

for (const thread of [false, true]) {
  test(`a client that trusts the authority of the broker is served over TLS${thread ? ', by a thread too' : ''}`, async () => {
    await using broker = await Broker.start({ tls: true, thread, topics: { orders: 1 }, nodes: 2 })
    for (const node of broker.brokers) {
      using client = await RawConnection.to(node, { ca: ca(broker) })
      const answer = await client.exchange(allTopics)
      assert.ok(answer !== null)
      assert.equal(decodeResponse('Metadata', 9, answer).topics[0]?.name, 'orders')
    }
    await assert.rejects(RawConnection.to(address(broker), {}), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    const { cert, key } = await broker.issueCertificate('alice')
    assert.ok(cert.includes('CERTIFICATE') && key.includes('PRIVATE KEY'))
  })
}

test('certificates may be given, as text or bytes', async () => {
  const authority = new Authority('of others', Date.now())
  const { cert, key } = authority.forHosts(['127.0.0.1'])
  for (const tls of [
    { cert, key },
    { cert: Buffer.from(cert), key: new Uint8Array(Buffer.from(key)) },
  ]) {
    await using broker = await Broker.start({ tls, thread: tls.cert !== cert })
    assert.equal(broker.ca, null)
    await assert.rejects(broker.issueCertificate('alice'), /this broker issues no certificates/)
    using client = await RawConnection.to(address(broker), { ca: authority.certificate })
    assert.ok(await client.exchange(versions))
  }
})

/** Whether a client is let in: a refusal may come after its own side of the handshake is over. */
async function isServed(broker: Broker, tls: ConnectionOptions): Promise<boolean> {
  try {
    using client = await RawConnection.to(address(broker), { ca: ca(broker), ...tls })
    return (await client.exchange(versions)) !== null
  } catch {
    return false
  }
}

test('certificates of clients are asked for, and checked, as the options say', async () => {
  const stranger = new Authority('a stranger', Date.now()).forClient('alice')
  for (const [clientAuth, without] of [
    ['required', false],
    ['requested', true],
  ] as const) {
    await using broker = await Broker.start({ tls: { clientAuth } })
    const alice = await broker.issueCertificate('alice')
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      assert.equal(await isServed(broker, { maxVersion, ...alice }), true)
      assert.equal(await isServed(broker, { maxVersion, ...stranger }), false)
      assert.equal(await isServed(broker, { maxVersion }), without)
    }
    await until('the log tells it', () => broker.requests.some(({ why }) => why?.includes('certificate')))
  }
})

test('a client that speaks something else than TLS is closed, and the log tells why', async t => {
  await using broker = await Broker.start({ tls: true })
  const cases: readonly [string, Buffer, RegExp][] = [
    [
      'Kafka without TLS',
      Buffer.from('0000002b0012000300000001', 'hex'),
      /speaks without TLS, and this port speaks TLS/,
    ],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /speaks HTTP, and this port does not/],
    ['garbage', Buffer.from('160301000501000001ff', 'hex'), /TLS handshake failed: ERR_SSL/],
  ]
  for (const [what, bytes, why] of cases) {
    await t.test(what, async () => {
      const before = broker.requests.length
      const socket = connect(port(broker), '127.0.0.1')
      socket.on('error', () => {}).resume()
      socket.write(bytes)
      await once(socket, 'close')
      await until('it is logged', () => broker.requests.length > before)
      assert.equal(broker.requests.length, before + 1)
      assert.match(broker.requests[before]?.why ?? '', why)
    })
  }
})

test('a handshake that takes too long is ended', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ tls: true, clock })
  const timers = clock.timers
  const socket = connect(port(broker), '127.0.0.1')
  await until('the broker waits', () => clock.timers > timers)
  await clock.advance(9_999)
  assert.ok(!socket.closed)
  const closed = once(socket, 'close')
  await clock.advance(1)
  await closed
  await until('it is logged', () => broker.requests.length === 1)
  assert.equal(broker.requests[0]?.why, 'its TLS handshake was not over within 10000 ms')
  assert.equal(clock.timers, timers)
})

test('connections in their handshake count among those that a node takes', async () => {
  await using broker = await Broker.start({ tls: true, limits: { connections: 2 } })
  const waiting = connect(port(broker), '127.0.0.1')
  await once(waiting, 'connect')
  using first = await RawConnection.to(address(broker), { ca: ca(broker) })
  await assert.rejects(RawConnection.to(address(broker), { ca: ca(broker) }))
  assert.ok(await first.exchange(versions))
  waiting.destroy()
  await until('there is room again', () => isServed(broker, {}))
})

test('closing ends connections in the middle of their handshake too', async () => {
  const clock = new HeldClock()
  const broker = await Broker.start({ tls: true, clock })
  const timers = clock.timers
  const waiting = connect(port(broker), '127.0.0.1')
  const open = connectTls({ port: port(broker), host: '127.0.0.1', ca: ca(broker) })
  await once(open, 'secureConnect')
  await until('both are there', () => clock.timers >= timers + 2)
  const closed = Promise.all([once(waiting, 'close'), once(open, 'close')])
  for (const socket of [waiting, open]) socket.on('error', () => {})
  await broker.close()
  await closed
  assert.equal(clock.timers, 0)
})

const { cert, key } = new Authority('of others', Date.now()).forHosts(['localhost'])
const wrong: readonly [tls: unknown, message: RegExp][] = [
  ['yes', /^tls must be an object, not 'yes'/],
  [{ certificate: cert }, /^tls\.certificate is not an option; known here: cert, key, ca, clientAuth/],
  [{ cert }, /^tls\.cert and tls\.key belong together/],
  [{ cert: 'secret', key }, /^tls\.cert must be PEM, as text or bytes$/],
  [{ cert, key: 7 }, /^tls\.key must be PEM/],
  [{ cert, key: cert }, /^tls\.cert and tls\.key must be a certificate and its key/],
  [{ cert, key, clientAuth: 'required' }, /^tls\.ca must be set beside tls\.clientAuth/],
  [{ clientAuth: 'none' }, /^tls\.clientAuth must be 'required' or 'requested', not 'none'/],
]

test('a wrong option is named, without what may be a secret', async () => {
  for (const [tls, message] of wrong) {
    await assert.rejects(Broker.start({ tls } as BrokerOptions), { code: 'INVALID_OPTION', message })
  }
})
