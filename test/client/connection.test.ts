import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { software } from '../../src/client/dial.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { Recorder, startClient } from './recorder.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { until } from './until.ts'

const groups = { groups: [] }

test('a client names itself with the version of its package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  assert.equal(software.version, version)
  await using broker = await ScriptedBroker.start()
  const names: unknown[] = []
  const tell = broker.handler('ApiVersions')
  broker.on('ApiVersions', (request, incoming) => {
    names.push([request.clientId, request.version, request.body.clientSoftwareName, request.body.clientSoftwareVersion])
    return tell(request, incoming)
  })
  await using client = startClient({ brokers: [broker.address], clientId: 'shop' })
  await client.connect()
  assert.deepEqual(names[0], ['shop', 3, 'millrace', version])
})

test('a broker that knows only ApiVersions 0 is understood, and each API spoken in the highest common version', async () => {
  await using broker = await ScriptedBroker.start({
    versions: { ApiVersions: [0, 2], Metadata: [0, 8], ListGroups: [0, 1] },
  })
  const versions: number[] = []
  broker.on('ListGroups', request => {
    versions.push(request.version)
    return groups
  })
  await using client = startClient({ brokers: [broker.address] })
  await client.send('any', 'ListGroups', {})
  await client.send('any', 'ListGroups', {}, { maxVersion: 0 })
  assert.deepEqual(versions, [1, 0])
  assert.equal(broker.accepted, 2)
})

test('a broker before Kafka 2.1 is refused with the API and both ranges', async () => {
  await using broker = await ScriptedBroker.start({ versions: { Fetch: [0, 8] } })
  await using client = startClient({ brokers: [broker.address] })
  await assert.rejects(client.connect(), {
    code: 'UNSUPPORTED_VERSION',
    retriable: false,
    message: new RegExp(
      `${broker.address} speaks the versions 0 to 8 of Fetch, and versions 10 to \\d+ would be needed`,
    ),
  })
})

test('a request that the broker does not know is refused by name, and others go on', async () => {
  await using broker = await ScriptedBroker.start({ versions: { ListGroups: null } })
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  await assert.rejects(client.send('any', 'ListGroups', {}), { code: 'UNSUPPORTED_VERSION', message: /ListGroups/ })
  await client.metadata([])
})

test('a late answer is read and dropped, and what was pipelined behind it lives', async () => {
  await using broker = await ScriptedBroker.start()
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  broker.on('ListGroups', async () => {
    await held
    return groups
  })
  broker.on('DescribeGroups', () => ({ groups: [{ groupId: 'shop' }] }))
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  // The connection stands, so that the deadline is for the answer alone.
  await client.send({ nodeId: 1 }, 'DescribeGroups', { groups: ['shop'] })
  const slow = client.send({ nodeId: 1 }, 'ListGroups', {}, { timeoutMs: 20 })
  const behind = client.send({ nodeId: 1 }, 'DescribeGroups', { groups: ['shop'] })
  await assert.rejects(slow, { code: 'REQUEST_TIMEOUT', message: /ListGroups within 20 ms: the connection stands/ })
  release()
  assert.equal((await behind).groups[0]?.groupId, 'shop')
  assert.equal(client.state().brokers[0]?.connections[0]?.inFlight, 0)
  assert.equal(broker.accepted, 2)
})

test('a connection that is silent while an answer is due is replaced for the next request', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => groups)
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  broker.on('ListGroups', () => null)
  await assert.rejects(client.send({ nodeId: 1 }, 'ListGroups', {}, { timeoutMs: 20 }), { code: 'REQUEST_TIMEOUT' })
  broker.on('ListGroups', () => groups)
  assert.deepEqual((await client.send({ nodeId: 1 }, 'ListGroups', {})).groups, [])
  assert.match(String(client.state().brokers[0]?.connections[0]?.cause), /silent, though an answer is due/)
})

test('an aborted call rejects with the reason and its answer is dropped', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => null)
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  const aborter = new AbortController()
  const call = client.send({ nodeId: 1 }, 'ListGroups', {}, { signal: aborter.signal })
  const reason = new Error('enough')
  aborter.abort(reason)
  await assert.rejects(call, reason)
  await assert.rejects(client.send('any', 'ListGroups', {}, { signal: aborter.signal }), reason)
})

test('each role has a connection of its own', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => groups)
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  for (const role of ['general', 'fetch', 'coordinator'] as const) {
    for (const connection of [0, 1]) await client.send({ nodeId: 1, role, connection }, 'ListGroups', {})
  }
  const roles = client.state().brokers[0]?.connections.map(link => `${link.role} ${link.connection} ${link.state}`)
  assert.deepEqual(roles?.sort(), [
    ...[
      'coordinator 0 ready',
      'coordinator 1 ready',
      'fetch 0 ready',
      'fetch 1 ready',
      'general 0 ready',
      'general 1 ready',
    ],
  ])
})

test('no request goes to a broker that throttles the client before that time is over', async () => {
  await using broker = await ScriptedBroker.start()
  const clock = new VirtualClock()
  broker.on('ListGroups', () => ({ ...groups, throttleTimeMs: broker.count('ListGroups') === 1 ? 5_000 : 0 }))
  await using client = startClient({ brokers: [broker.address], clock })
  await client.connect()
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  assert.equal(client.state().brokers[0]?.connections[0]?.throttledUntil, clock.wallTime() + 5_000)
  const second = client.send({ nodeId: 1 }, 'ListGroups', {})
  const impatient = client.send({ nodeId: 1 }, 'ListGroups', {}, { timeoutMs: 1_000 })
  const rejected = assert.rejects(impatient, {
    code: 'REQUEST_TIMEOUT',
    message: /throttles this client for another 4000 ms/,
  })
  await clock.advance(4_999)
  await rejected
  assert.equal(broker.count('ListGroups'), 1)
  await clock.advance(1)
  await second
  assert.equal(broker.count('ListGroups'), 2)
  assert.equal(client.state().brokers[0]?.connections[0]?.throttledUntil, null)
})

test('a broker that accepts and closes is tried again with longer and longer waits, and says why', async () => {
  await using broker = await ScriptedBroker.start()
  const clock = new VirtualClock()
  const logger = new Recorder()
  const waits: number[] = []
  const events = { reconnecting: ({ inMs }: { inMs: number }) => void waits.push(inMs) }
  const options = { clock, logger, events, random: () => 0, reconnect: { minMs: 100, maxMs: 1_000 } }
  await using client = startClient({ brokers: [broker.address], ...options })
  await client.connect()
  broker.raw = socket => void socket.destroy()
  const accepted = broker.accepted
  for (let i = 0; i < 6; i += 1) {
    const call = client.send({ nodeId: 1, role: 'fetch' }, 'ListGroups', {}, { timeoutMs: 60_000 })
    const rejected = assert.rejects(call, { code: 'CONNECTION', message: /expects TLS or SASL|ECONNRESET/ })
    await clock.advance(waits.at(-1) ?? 0)
    await rejected
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000])
  assert.equal(broker.accepted - accepted, 6)
  const link = client.state().brokers[0]?.connections.find(({ role }) => role === 'fetch')
  assert.equal(link?.state, 'waiting')
  assert.equal(logger.lines.filter(line => line.startsWith('warn')).length, 6)
})

test('a connection that breaks after each answer does not make a hot loop either', async () => {
  await using broker = await ScriptedBroker.start()
  const clock = new VirtualClock()
  const waits: number[] = []
  const events = { reconnecting: ({ inMs }: { inMs: number }) => void waits.push(inMs) }
  broker.on('ListGroups', (request, { socket, answer }) => {
    socket.end(answer(request.name, groups))
    return null
  })
  const options = { clock, events, random: () => 0, reconnect: { minMs: 100, maxMs: 1_000 } }
  await using client = startClient({ brokers: [broker.address], ...options })
  await client.connect()
  for (let i = 1; i <= 4; i += 1) {
    const call = client.send({ nodeId: 1, role: 'coordinator' }, 'ListGroups', {})
    await clock.advance(waits.at(-1) ?? 0)
    await call
    await until('the end was noticed', () => waits.length === i)
  }
  assert.deepEqual(waits, [100, 200, 400, 800])
})

test('a client finds a broker again that was restarted, though requests failed meanwhile', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => groups)
  await using client = startClient({ brokers: [broker.address] })
  await client.send('any', 'ListGroups', {})
  await broker.stop()
  await assert.rejects(client.send({ nodeId: 1 }, 'ListGroups', {}), {
    code: 'CONNECTION',
    message: /ECONNREFUSED|closed/,
  })
  await assert.rejects(client.metadata([]), { code: 'CONNECTION', message: /ECONNREFUSED/ })
  assert.match(String(client.state().metadataError), /ECONNREFUSED/)
  await broker.listen()
  await client.metadata([])
  assert.equal(client.state().metadataError, null)
  await client.send('any', 'ListGroups', {})
})

test('every address of a name is tried, at the start and at each reconnect', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => groups)
  await using dead = await ScriptedBroker.start({ host: '127.0.0.2', port: broker.port })
  dead.raw = socket => void socket.resetAndDestroy()
  const asked: string[] = []
  const lookup = async (host: string) => {
    asked.push(host)
    return ['127.0.0.2', '127.0.0.1']
  }
  await using client = startClient({ brokers: [`kafka.test:${broker.port}`], lookup })
  await client.connect()
  broker.advertised = 'kafka.test'
  await client.metadata([])
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  broker.disconnect()
  await until('the end was noticed', () => client.state().brokers[0]?.connections[0]?.state !== 'ready')
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  assert.deepEqual(asked, ['kafka.test', 'kafka.test', 'kafka.test'])
  assert.equal(dead.accepted, 3)
})

test('when no broker can be reached, one error names every address and its cause', async () => {
  await using silent = await ScriptedBroker.start()
  silent.raw = () => {}
  await using web = await ScriptedBroker.start()
  web.raw = socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  const gone = await ScriptedBroker.start()
  await gone.stop()
  const lookup = async () => {
    throw new Error('ENOTFOUND no.test')
  }
  const brokers = [silent.address, web.address, gone.address, 'no.test']
  await using client = startClient({ brokers, lookup, connectTimeoutMs: 50 })
  await assert.rejects(client.connect(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'CONNECTION')
    assert.match(error.message, new RegExp(`${silent.address}: no connection within 50 ms`))
    assert.match(error.message, new RegExp(`${web.address}: it answers HTTP`))
    assert.match(error.message, new RegExp(`${gone.address}: connect ECONNREFUSED`))
    assert.match(error.message, /no\.test cannot be resolved \(ENOTFOUND no\.test\)/)
    return true
  })
})

test('connect can be given up', async () => {
  await using silent = await ScriptedBroker.start()
  silent.raw = () => {}
  await using client = startClient({ brokers: [silent.address] })
  const aborter = new AbortController()
  const connecting = client.connect({ signal: aborter.signal })
  await until('the broker is asked', () => silent.accepted === 1)
  aborter.abort(new Error('enough'))
  await assert.rejects(connecting, /enough/)
})

test('close rejects what is under way with ClosedError and leaves no socket and no timer', async () => {
  const resources = () => process.getActiveResourcesInfo().filter(name => /TCP|Timeout|GetAddrInfo|Connect/.test(name))
  await until('the sockets of other tests are gone', () => resources().length === 0)
  await using broker = await ScriptedBroker.start()
  await using silent = await ScriptedBroker.start({ nodeId: 2 })
  broker.peers.push(silent)
  broker.on('ListGroups', () => null)
  broker.on('Fetch', () => null)
  silent.raw = () => {}
  broker.on('FindCoordinator', () => null)
  await using client = startClient({ brokers: [broker.address], reconnect: { minMs: 10_000 } })
  await client.connect()
  const calls = [
    client.send({ nodeId: 1 }, 'ListGroups', {}),
    client.send({ nodeId: 2 }, 'ListGroups', {}),
    client.send({ group: 'shop' }, 'ListGroups', {}),
    client.fetch({
      nodeId: 1,
      connection: 0,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 1,
      isolation: 'read_committed',
      partitions: [],
    }),
  ]
  const outcomes = Promise.allSettled(calls)
  await until('the requests came', () => broker.count('ListGroups') === 1 && silent.accepted === 1)
  await Promise.all([client.close(), client.close()])
  for (const outcome of await outcomes) assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'CLOSED')
  await assert.rejects(client.send('any', 'ListGroups', {}), { code: 'CLOSED' })
  await assert.rejects(client.metadata([]), { code: 'CLOSED' })
  await assert.rejects(client.connect(), { code: 'CLOSED' })
  await broker.stop()
  await silent.stop()
  await until('the sockets of the brokers are gone', () => broker.sockets.size + silent.sockets.size === 0)
  assert.deepEqual(resources(), [])
})

test('more requests than the queue takes are refused with a clear error', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => null)
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  const calls: Promise<unknown>[] = []
  for (let i = 0; i < 10_050; i += 1) calls.push(client.send({ nodeId: 1 }, 'ListGroups', {}))
  const outcomes = Promise.allSettled(calls)
  await assert.rejects(calls.at(-1) as Promise<unknown>, { code: 'QUEUE_FULL', message: /10000 requests wait for/ })
  await until('requests came', () => broker.count('ListGroups') > 0)
  broker.disconnect('reset')
  const codes = (await outcomes).map(outcome => outcome.status === 'rejected' && outcome.reason.code)
  assert.equal(codes.filter(code => code === 'QUEUE_FULL').length, 50)
  assert.equal(codes.filter(code => code === 'CONNECTION').length, 10_000)
})

test('a listener that throws stops nothing', async () => {
  await using broker = await ScriptedBroker.start()
  const logger = new Recorder()
  const events = {
    connected: () => {
      throw new Error('mine')
    },
  }
  await using client = startClient({ brokers: [broker.address], logger, events })
  await client.connect()
  await client.metadata([])
  assert.ok(logger.lines.includes('error a listener of the Kafka client threw'))
})
