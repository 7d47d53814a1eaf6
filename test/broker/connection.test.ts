import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { Broker, HeldClock } from '../../src/broker/index.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/frame.ts'
import { FrameReader } from '../../src/protocol/frame-reader.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { until } from '../until.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

const address = (broker: Broker) => broker.brokers[0] ?? ''

function open(broker: Broker): Socket {
  const [host, port] = address(broker).split(':')
  return connect(Number(port), host)
}

/** The same request under another correlation id. */
function numbered(frame: Buffer, correlationId: number): Buffer {
  const copy = Buffer.from(frame)
  copy.writeInt32BE(correlationId, 4)
  return copy
}

function withLength(frame: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

/** Correlation ids of the answers, in the order in which they come. */
function answersTo(socket: Socket): number[] {
  const ids: number[] = []
  const reader = new FrameReader({
    maxFrameBytes: 1 << 24,
    reuse: false,
    onFrame: frame => void ids.push(frame.readInt32BE(0)),
  })
  socket.on('data', chunk => reader.push(chunk))
  return ids
}

const versions = requestFrame('ApiVersions', 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
const allTopics = requestFrame('Metadata', 9, { topics: null })
const longPoll = requestFrame('Fetch', 11, {
  maxWaitMs: 500,
  minBytes: 1,
  topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
})

test('requests of a connection are served one after another, and answered in their order', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ clock, topics: { orders: 1 } })
  const socket = open(broker)
  const ids = answersTo(socket)
  socket.write(Buffer.concat([versions, longPoll, versions, versions].map((f, id) => withLength(numbered(f, id)))))
  await until('the long poll waits', () => broker.requests.length === 2)
  using other = await RawConnection.to(address(broker))
  assert.ok(await other.exchange(versions), 'other connections go on')
  assert.equal(broker.requests.length, 3)
  await clock.advance(500)
  await until('all are answered', () => ids.length === 4)
  assert.deepEqual(ids, [0, 1, 2, 3])
  socket.destroy()
})

test('a request may come byte by byte, and many may come at once', async () => {
  await using broker = await Broker.start()
  const socket = open(broker).setNoDelay()
  const ids = answersTo(socket)
  for (const byte of withLength(numbered(versions, 1))) {
    socket.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  const many = Array.from({ length: 5_000 }, (_, id) => withLength(numbered(versions, id + 2)))
  socket.write(Buffer.concat(many))
  await until('all are answered', () => ids.length === 5_001)
  assert.ok(ids.every((id, at) => id === at + 1))
  socket.destroy()
})

test('produce without acks gets no answer, and the next request does', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  const socket = open(broker)
  const ids = answersTo(socket)
  const silent = requestFrame('Produce', 7, { acks: 0, timeoutMs: 1000, topicData: [] })
  socket.write(Buffer.concat([silent, versions].map((frame, id) => withLength(numbered(frame, id)))))
  await until('the second is answered', () => ids.length === 1)
  assert.deepEqual(ids, [1])
  assert.deepEqual(
    broker.requests.map(({ outcome }) => outcome),
    ['silent', 'answered'],
  )
  socket.destroy()
})

const noVersion = Buffer.from(allTopics)
noVersion.writeInt16BE(99, 2)
const noApi = Buffer.from(allTopics)
noApi.writeInt16BE(999, 0)
const brokenFrames: readonly [what: string, bytes: Buffer, why: RegExp][] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /the client speaks HTTP/],
  ['TLS', Buffer.from('16030100f2010000ee0303', 'hex'), /the client speaks TLS/],
  ['a negative length', Buffer.from('ffffffff00000000', 'hex'), /no request has -1 bytes/],
  ['a length of nothing', Buffer.from('0000000000000000', 'hex'), /no request has 0 bytes/],
  ['a frame that is too long', Buffer.from('40000000', 'hex'), /at most 1024 are taken/],
  ['less than a header', withLength(Buffer.from('001200', 'hex').subarray(0)), /no request has 3 bytes/],
  ['half a header', withLength(Buffer.from('0012000300', 'hex')), /bytes needed/],
  ['an unknown API', withLength(noApi), /nothing with the API key 999 is served/],
  ['an unknown version', withLength(noVersion), /Metadata has no version 99 here/],
  ['a body that ends early', withLength(allTopics.subarray(0, -3)), /MetadataRequest v9/],
  ['Produce v0, though 0 is told', withLength(requestHead(0, 0)), /Produce has no version 0 here/],
  ['what is not served', withLength(requestHead(58, 0)), /nothing with the API key 58 is served/],
]

function requestHead(key: number, version: number): Buffer {
  const head = Buffer.alloc(30)
  head.writeInt16BE(key, 0)
  head.writeInt16BE(version, 2)
  return head
}

test('what is no request closes its connection, and the log tells why', async t => {
  await using broker = await Broker.start({ limits: { frameBytes: 1024 } })
  for (const [what, bytes, why] of brokenFrames) {
    await t.test(what, async () => {
      const before = broker.requests.length
      const socket = open(broker)
      socket.on('error', () => {})
      socket.write(Buffer.concat([bytes, withLength(versions)]))
      await once(socket, 'close')
      assert.deepEqual(
        broker.requests.slice(before).map(({ outcome }) => outcome),
        ['closed'],
      )
      assert.match(broker.requests[before]?.why ?? '', why)
    })
  }
})

test('requests before what is none are answered', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ clock, topics: { orders: 1 } })
  const socket = open(broker)
  const ids = answersTo(socket)
  const closed = once(socket, 'close')
  const requests = [versions, longPoll, versions].map((frame, id) => withLength(numbered(frame, id)))
  socket.write(Buffer.concat([...requests, Buffer.from('GET / HTTP/1.1')]))
  await until('the long poll waits', () => broker.requests.length === 2)
  await clock.advance(500)
  await closed
  assert.deepEqual(ids, [0, 1, 2])
})

test('bytes behind a request are tolerated', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  using client = await RawConnection.to(address(broker))
  const answer = await client.exchange(Buffer.concat([allTopics, Buffer.alloc(3)]))
  assert.ok(answer !== null)
  assert.equal(decodeResponse('Metadata', 9, answer).topics[0]?.name, 'orders')
})

test('ApiVersions in a version that nobody knows is answered in the first one', async () => {
  await using broker = await Broker.start()
  using client = await RawConnection.to(address(broker))
  for (const version of [9, -1]) {
    const unknown = Buffer.from(versions)
    unknown.writeInt16BE(version, 2)
    // Correlation id 7, error 35, and of one API, 18, the versions from 0 to 4.
    assert.equal((await client.exchange(unknown))?.toString('hex'), '00000007002300000001001200000004')
  }
})

test('ApiVersions tells the level of transactions that the options set', async () => {
  for (const transactionVersion of [0, 1, 2] as const) {
    await using broker = await Broker.start({ transactionVersion })
    using client = await RawConnection.to(address(broker))
    const body = { clientSoftwareName: 'a', clientSoftwareVersion: '1' }
    const answer = await client.exchange(requestFrame('ApiVersions', 4, body))
    assert.ok(answer !== null)
    const { finalizedFeatures } = decodeResponse('ApiVersions', 4, answer)
    const levels = finalizedFeatures.filter(({ name }) => name === 'transaction.version')
    // A feature of level 0 is not told.
    assert.deepEqual(
      levels.map(({ maxVersionLevel }) => maxVersionLevel),
      transactionVersion === 0 ? [] : [transactionVersion],
    )
  }
})

test('ApiVersions tells what Kafka 4.1 does, in the versions in which it does', async () => {
  await using broker = await Broker.start()
  using client = await RawConnection.to(address(broker))
  const ask = async (version: number, clientSoftwareName = 'a') => {
    const body = version < 3 ? {} : { clientSoftwareName, clientSoftwareVersion: '1' }
    const answer = await client.exchange(requestFrame('ApiVersions', version, body))
    assert.ok(answer !== null)
    return decodeResponse('ApiVersions', version, answer)
  }
  for (const version of [0, 1, 2, 3, 4]) {
    const { errorCode, apiKeys, supportedFeatures, finalizedFeatures } = await ask(version)
    assert.equal(errorCode, 0)
    assert.deepEqual(apiKeys[0], { apiKey: 0, minVersion: 0, maxVersion: 13 })
    assert.deepEqual(apiKeys[1], { apiKey: 1, minVersion: 4, maxVersion: 18 })
    const finalized = finalizedFeatures.map(({ name, maxVersionLevel }) => `${name} ${maxVersionLevel}`)
    const all = [
      'group.version 1',
      'transaction.version 2',
      'eligible.leader.replicas.version 1',
      'metadata.version 27',
    ]
    assert.deepEqual(finalized, version < 3 ? [] : all)
    assert.equal(supportedFeatures.length, [0, 0, 0, 1, 6][version])
  }
  for (const name of ['', 'a b', '-a', 'ä']) {
    assert.equal((await ask(3, name)).errorCode, 42, `a client that calls itself "${name}"`)
  }
})

test('who does not read its answers is not served any further, and loses none', async () => {
  const topics = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`topic-${at}`, 10]))
  await using broker = await Broker.start({ topics, requestLog: 10_000 })
  const socket = open(broker)
  const ids: number[] = []
  const requests = Array.from({ length: 500 }, (_, id) => withLength(numbered(allTopics, id)))
  socket.pause()
  socket.write(Buffer.concat(requests))
  let served = -1
  await until('the broker stands still', async () => {
    const before = served
    served = broker.requests.length
    // Some turns of the event loop, in which it would go on.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    return before > 0 && before === broker.requests.length
  })
  assert.ok(served < 400, `${served} requests were served`)
  const reader = new FrameReader({
    maxFrameBytes: 1 << 24,
    reuse: true,
    onFrame: frame => void ids.push(frame.readInt32BE(0)),
  })
  socket.on('data', chunk => reader.push(chunk)).resume()
  await until('all is answered', () => ids.length === requests.length)
  assert.ok(ids.every((id, at) => id === at))
  socket.destroy()
})

async function isClosed(client: RawConnection): Promise<void> {
  await until('the connection is closed', () => !client.open)
}

test('connections beyond the limit are closed at once', async () => {
  await using broker = await Broker.start({ limits: { connections: 2 } })
  using first = await RawConnection.to(address(broker))
  using second = await RawConnection.to(address(broker))
  using third = await RawConnection.to(address(broker))
  await isClosed(third)
  assert.match(broker.requests[0]?.why ?? '', /node 1 has 2 connections, and takes no more/)
  assert.ok(await first.exchange(versions))
  second[Symbol.dispose]()
  await until('there is room again', async () => {
    using next = await RawConnection.to(address(broker))
    return (await next.exchange(versions)) !== null
  })
})

test('an idle connection is closed, one that waits for an answer is not', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ clock, topics: { orders: 1 }, limits: { idleMs: 1_000 } })
  using idle = await RawConnection.to(address(broker))
  using used = await RawConnection.to(address(broker))
  using waiting = await RawConnection.to(address(broker))
  assert.ok(await idle.exchange(versions))
  const patient = requestFrame('Fetch', 11, {
    maxWaitMs: 5_000,
    minBytes: 1,
    topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  })
  const answer = waiting.exchange(patient)
  await until('the fetch waits', () => broker.requests.length === 2)
  for (const _ of [1, 2]) {
    await clock.advance(600)
    assert.ok(await used.exchange(versions))
  }
  await isClosed(idle)
  assert.ok(broker.requests.some(({ why }) => why === 'nothing happened on it for 1000 ms'))
  assert.ok(used.open && waiting.open)
  await clock.advance(5_000)
  assert.ok(await answer)
})

test('requests that arrive on all connections together are bounded in memory', async () => {
  const limits = { frameBytes: 1 << 20, waitingBytes: 1 << 20 }
  await using broker = await Broker.start({ limits })
  using small = await RawConnection.to(address(broker))
  const sockets = [0, 1, 2].map(() => open(broker))
  for (const socket of sockets) socket.on('error', () => {})
  const closed = Promise.race(sockets.map(socket => new Promise(resolve => socket.on('close', resolve))))
  const half = Buffer.alloc(500_000)
  half.writeInt32BE(1_000_000)
  for (const socket of sockets) socket.write(half)
  await closed
  assert.match(broker.requests.at(-1)?.why ?? '', /more than 1048576 bytes of requests wait/)
  assert.ok(await small.exchange(versions), 'others are served')
  for (const socket of sockets) socket.destroy()
})

test('a client that goes away leaves nothing of its long poll behind', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ clock, topics: { orders: 1 } })
  const timers = clock.timers
  const client = await RawConnection.to(address(broker))
  void client.exchange(longPoll)
  await until('the long poll waits', () => clock.timers > timers + 1)
  client[Symbol.dispose]()
  await until('its timers are gone', () => clock.timers === timers)
})

test('closing ends all sockets and timers, also in the middle of requests', async () => {
  const clock = new HeldClock()
  const broker = await Broker.start({ clock, nodes: 3, topics: { orders: 3 } })
  const clients = await Promise.all(broker.brokers.map(node => RawConnection.to(node)))
  broker.fault({ api: 'ApiVersions', action: { delayMs: 1_000 } })
  const answers = clients.map((client, at) => client.exchange(at === 0 ? longPoll : versions))
  await until('all wait', () => broker.requests.length === 3)
  await broker.close()
  assert.deepEqual(await Promise.all(answers), [null, null, null])
  assert.equal(clock.timers, 0)
  const sockets = () => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP'))
  await until('no socket is left', () => sockets().length === 0)
})

test('answers that nobody takes are bounded in memory: who has not read for longest is closed', async () => {
  const limits = { frameBytes: 1 << 20, waitingBytes: 64 << 20 }
  await using broker = await Broker.start({ topics: { orders: 1 }, limits })
  using writer = await RawConnection.to(address(broker))
  const records = writeBatch([{ value: Buffer.alloc(1_000_000) }])
  const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
  for (let at = 0; at < 30; at++) {
    assert.ok(await writer.exchange(requestFrame('Produce', 9, { acks: 1, timeoutMs: 1_000, topicData })))
  }
  const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 25 }
  const topics = [{ topic: 'orders', partitions: [partition] }]
  const much = withLength(requestFrame('Fetch', 11, { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 25, topics }))
  const sockets = [0, 1, 2, 3].map(() => open(broker))
  const ends = sockets.map(
    socket => new Promise<number>(resolve => socket.on('close', () => resolve(socket.bytesRead))),
  )
  for (const [at, socket] of sockets.entries()) {
    socket.on('error', () => {}).pause()
    socket.write(much)
    await until('it is answered', () => broker.requests.filter(({ api }) => api === 'Fetch').length === at + 1)
  }
  const closed = broker.requests.filter(({ outcome }) => outcome === 'closed')
  assert.match(closed[0]?.why ?? '', /more than 67108864 bytes of answers are not taken/)
  assert.equal(closed[0]?.client, broker.requests.find(({ api }) => api === 'Fetch')?.client)
  sockets[0]?.resume()
  const last = sockets[3]?.resume()
  await until('the last one has all of it', () => (last?.bytesRead ?? 0) > 30_000_000)
  assert.ok(((await ends[0]) ?? 0) < 30_000_000)
  for (const socket of sockets) socket.destroy()
})

test('a request whose lists have more elements than are allowed closes its connection, one with as many does not', async () => {
  await using broker = await Broker.start({ limits: { elements: 3 } })
  for (const [topics, outcome] of [
    [3, 'answered'],
    [4, 'closed'],
  ] as const) {
    const socket = open(broker)
    const names = Array.from({ length: topics }, (_, index) => ({ name: `topic-${index}` }))
    const ended = once(socket, outcome === 'answered' ? 'data' : 'close')
    socket.write(encodeRequest('Metadata', 8, 1, 'test', { topics: names, allowAutoTopicCreation: false }))
    await ended
    socket.destroy()
    assert.equal(broker.requests.at(-1)?.outcome, outcome)
  }
  assert.match(broker.requests.at(-1)?.why ?? '', /more elements than are allowed/)
})
