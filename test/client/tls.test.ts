import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { createSecureContext, type TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { Authority, type Certificate } from '../../src/broker/security/authority.ts'
import type { TlsOptions } from '../../src/client/security.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { Recorder, startClient } from './recorder.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { until } from './until.ts'

const authority = new Authority('of these tests', Date.now())
const ca = authority.certificate
const loopback = authority.forHosts(['127.0.0.1', '::1'])
const long = 3_650 * 24 * 60 * 60 * 1_000

/** Connects once; the options over TLS with the right authority. */
async function connect(address: string, tls: boolean | TlsOptions = { ca }, more: object = {}): Promise<void> {
  await using client = startClient({ brokers: [address], tls, connectTimeoutMs: 5_000, ...more })
  await client.connect()
}

test('requests of every role go over TLS, large answers too', async () => {
  await using broker = await ScriptedBroker.start({ tls: loopback })
  const groups = Array.from({ length: 20_000 }, (_, at) => ({ groupId: `group-${at}`, protocolType: 'consumer' }))
  broker.on('ListGroups', () => ({ groups }))
  await using client = startClient({ brokers: [broker.address], tls: { ca } })
  await client.connect()
  for (const role of ['general', 'fetch', 'coordinator'] as const) {
    const answers = await Promise.all([1, 2, 3].map(() => client.send({ nodeId: 1, role }, 'ListGroups', {})))
    for (const answer of answers) assert.equal(answer.groups[19_999]?.groupId, 'group-19999')
  }
  assert.equal(broker.accepted, 4)
  for (const socket of broker.sockets) assert.equal((socket as TLSSocket).encrypted, true)
})

test('the broker is asked for by the name in the options, never by an address, and its certificate must be for that name', async () => {
  const named = authority.forHosts(['kafka.example', 'other.example'])
  const asked: (string | false | null)[] = []
  const tls = {
    ...named,
    SNICallback: (name: string, done: (error: null, context: ReturnType<typeof createSecureContext>) => void) => {
      asked.push(name)
      done(null, createSecureContext(named))
    },
  }
  await using broker = await ScriptedBroker.start({ tls })
  broker.advertised = 'kafka.example'
  const lookup = async () => ['127.0.0.1']
  await connect(`kafka.example:${broker.port}`, { ca }, { lookup })
  assert.deepEqual(asked, ['kafka.example'])
  await connect(broker.address, { ca, servername: 'other.example' })
  assert.deepEqual(asked, ['kafka.example', 'other.example'])
  await assert.rejects(
    connect(`third.example:${broker.port}`, { ca }, { lookup }),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'TLS')
      assert.match(
        error.message,
        /certificate is for another name: .*third\.example.*kafka\.example.*set tls\.servername/,
      )
      assert.doesNotMatch(inspect(error, { depth: 10 }), /<Buffer/)
      return true
    },
  )
  asked.length = 0
  await assert.rejects(connect(broker.address), {
    code: 'TLS',
    message: /certificate is for another name.*127\.0\.0\.1/,
  })
  assert.deepEqual(asked, [])
  await connect(broker.address, { ca, checkServerIdentity: () => undefined })
  const logger = new Recorder()
  await connect(broker.address, { rejectUnauthorized: false }, { logger })
  assert.equal(logger.lines.filter(line => line.startsWith('warn tls.rejectUnauthorized is false')).length, 1)
  await using addressed = await ScriptedBroker.start({ tls: authority.forHosts(['::1']) })
  await connect(addressed.address, { ca, servername: '::1' })
  await assert.rejects(connect(addressed.address, { ca, servername: '::2' }), /another name/)
})

test('a broker whose certificate is not to be trusted is refused with what to check, and it is of no use to try again', async () => {
  const stranger = new Authority('a stranger', Date.now())
  const past = new Authority('of the past', Date.now() - 2 * long)
  const coming = new Authority('of the future', Date.now() + long)
  const client = authority.forClient('shop')
  const cases: readonly [Certificate, string | undefined, RegExp][] = [
    [stranger.forHosts(['127.0.0.1']), ca, /authority that is not known here: set tls\.ca/],
    [loopback, undefined, /authority that is not known here: set tls\.ca/],
    [past.forHosts(['127.0.0.1']), past.certificate, /has expired: renew it/],
    [coming.forHosts(['127.0.0.1']), coming.certificate, /is not valid yet/],
    [client, ca, /not made for servers|another name/],
  ]
  for (const [certificate, trusted, message] of cases) {
    await using broker = await ScriptedBroker.start({ tls: certificate })
    const options = trusted === undefined ? true : { ca: trusted }
    await assert.rejects(connect(broker.address, options), { code: 'TLS', retriable: false, message })
  }
})

test('a client whose certificate the broker does not take, or misses, is told so', async () => {
  const stranger = new Authority('a stranger', Date.now()).forClient('shop')
  const past = new Authority('of these tests', Date.now() - 2 * long)
  const mine = authority.forClient('shop')
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const server = { ...loopback, ca: [ca, past.certificate], requestCert: true, maxVersion }
    await using broker = await ScriptedBroker.start({ tls: server })
    await connect(broker.address, { ca, ...mine })
    const without = connect(broker.address)
    await assert.rejects(without, (error: Error & { code: string }) => {
      // In TLS 1.2 the alert is one about the handshake as a whole.
      assert.match(error.message, /certificate of this client/)
      assert.match(error.message, /tls\.cert(?: and |, )tls\.key/)
      return true
    })
    await assert.rejects(connect(broker.address, { ca, ...stranger }), /certificate/)
    await assert.rejects(connect(broker.address, { ca, ...past.forClient('shop') }), /certificate/)
  }
})

test('after TLS has worked, a certificate that is wrong is trouble of that broker, which is waited out', async () => {
  await using broker = await ScriptedBroker.start({ tls: loopback })
  await using other = await ScriptedBroker.start({
    nodeId: 2,
    tls: new Authority('a stranger', Date.now()).forHosts(['127.0.0.1']),
  })
  broker.peers.push(other)
  await using client = startClient({ brokers: [broker.address], tls: { ca } })
  await client.connect()
  await assert.rejects(
    client.send({ nodeId: 2 }, 'ListGroups', {}),
    (error: Error & { code: string; retriable: boolean }) => {
      assert.equal(error.code, 'CONNECTION')
      assert.equal(error.retriable, true)
      assert.match(error.message, /set tls\.ca/)
      assert.equal((error.cause as { code: string }).code, 'TLS')
      return true
    },
  )
})

/** A port that speaks no Kafka. */
async function listen(
  accept: (socket: Socket) => void,
): Promise<{ address: string; server: Server } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    accept(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    server,
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

test('TLS to a port that is plain says so', async () => {
  // Kafka takes the beginning of a handshake for the length of a request that is too long, and closes.
  await using closes = await listen(socket => socket.once('data', () => socket.end()))
  await assert.rejects(connect(closes.address), {
    code: 'CONNECTION',
    message: /during the TLS handshake: this port may expect plain text/,
  })
  await using resets = await listen(socket => socket.once('data', () => socket.resetAndDestroy()))
  await assert.rejects(connect(resets.address), /during the TLS handshake: this port may expect plain text/)
  await using answers = await listen(socket =>
    socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  await assert.rejects(connect(answers.address), {
    code: 'CONNECTION',
    message: /not with TLS: this port expects plain text/,
  })
  let greeted = false
  await using silent = await listen(socket => {
    socket.once('data', () => {
      greeted = true
    })
  })
  const clock = new VirtualClock()
  const rejected = assert.rejects(
    connect(silent.address, { ca }, { clock }),
    /within 5000 ms: the TLS handshake does not end/,
  )
  await until('the handshake begins', () => greeted)
  await clock.advance(5_000)
  await rejected
})

test('plain text to a port with TLS says so', async () => {
  await using broker = await ScriptedBroker.start({ tls: loopback })
  await assert.rejects(connect(broker.address, false), { code: 'CONNECTION', message: /expects TLS/ })
})

test('a handshake without a common version says so', async () => {
  await using broker = await ScriptedBroker.start({ tls: { ...loopback, minVersion: 'TLSv1.3' } })
  await assert.rejects(connect(broker.address, { ca, maxVersion: 'TLSv1.2' }), /no TLS version or cipher in common/)
})

test('a connection that is reset in the midst of TLS is made again', async () => {
  await using broker = await ScriptedBroker.start({ tls: loopback })
  broker.on('ListGroups', () => ({ groups: [] }))
  const logger = new Recorder()
  await using client = startClient({ brokers: [broker.address], tls: { ca }, logger })
  await client.connect()
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  for (let round = 0; round < 3; round++) {
    broker.on('ListGroups', (_, { socket }) => {
      socket.resetAndDestroy()
      return null
    })
    await assert.rejects(client.send({ nodeId: 1 }, 'ListGroups', {}), { code: 'CONNECTION' })
    broker.on('ListGroups', () => ({ groups: [] }))
    await client.send({ nodeId: 1 }, 'ListGroups', {})
  }
})

test('a wrong option is named, and nothing of a key is shown', () => {
  const client = authority.forClient('shop')
  const start = (tls: unknown) => () => startClient({ brokers: ['localhost'], tls: tls as TlsOptions })
  const cases: readonly [unknown, RegExp][] = [
    ['yes', /tls must be true, false or an object/],
    [{ caFile: 'x' }, /tls\.caFile is not an option; known here: ca, cert/],
    [{ cert: client.cert }, /tls\.cert and tls\.key must be given together/],
    [{ key: client.key }, /tls\.cert and tls\.key must be given together/],
    [{ ca: './ca.pem' }, /tls\.ca must be PEM.*not the path of a file/],
    [
      { cert: client.cert, key: authority.forClient('other').key },
      /tls cannot be used as it is: .*belongs to the certificate/,
    ],
    [{ pfx: Buffer.from('nothing') }, /tls cannot be used/],
    [{ rejectUnauthorized: 'no' }, /tls\.rejectUnauthorized must be true or false/],
    [{ checkServerIdentity: true }, /tls\.checkServerIdentity must be a function/],
    [{ servername: 5 }, /tls\.servername must be a string/],
  ]
  for (const [tls, message] of cases) {
    assert.throws(start(tls), (error: Error & { code: string }) => {
      assert.equal(error.code, 'INVALID_OPTION')
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /PRIVATE|nothing/)
      return true
    })
  }
  const ssl: object = { ssl: true }
  assert.throws(() => startClient({ brokers: ['localhost'], ...ssl }), /ssl is not an option: it is called tls/)
})
