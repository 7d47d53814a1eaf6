import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { reachableBytes } from './memory.ts'
import { startClient } from './recorder.ts'
import { type Incoming, ScriptedBroker } from './scripted-broker.ts'
import { until } from './until.ts'

const uncaught: unknown[] = []
process.on('uncaughtExceptionMonitor', error => uncaught.push(error))
after(() => assert.deepEqual(uncaught, []))

const groups = { groups: [] }
const options = { requestTimeoutMs: 300, connectTimeoutMs: 300 }

function head(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return bytes
}

function wrongId(frame: Buffer, id: number): Buffer {
  const copy = Buffer.from(frame)
  copy.writeInt32BE(id, 4)
  return copy
}

const garbage = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 2_654_435_761) >>> 24))

/** What a peer sends instead of an answer; `answer` is the right one, to be spoiled. */
const misdeeds: Readonly<Record<string, (socket: Socket, answer: Buffer) => void>> = {
  'a negative length': socket => void socket.write(head(-1)),
  'a length of 0': socket => void socket.write(head(0)),
  'a length too short for an answer': socket => void socket.write(Buffer.concat([head(3), Buffer.alloc(3)])),
  'a huge length': socket => void socket.write(Buffer.concat([head(0x7fffffff), garbage])),
  'the longest length allowed, and nothing behind it': socket => void socket.write(head(128 * 1024 * 1024)),
  'a wrong correlation id': (socket, answer) => void socket.write(wrongId(answer, 999)),
  'a negative correlation id': (socket, answer) => void socket.write(wrongId(answer, -1)),
  'half an answer, then the end': (socket, answer) => void socket.end(answer.subarray(0, answer.length >> 1)),
  'the end in the middle of a length': (socket, answer) => void socket.end(answer.subarray(0, 2)),
  silence: () => {},
  'a reset': socket => void socket.resetAndDestroy(),
  'the end': socket => void socket.end(),
  garbage: socket => void socket.write(garbage),
  'an HTTP answer': socket => void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
  'a TLS alert': socket => void socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])),
  'an answer without a body': (socket, answer) => void socket.write(Buffer.concat([head(4), answer.subarray(4, 8)])),
  'the same answer twice': (socket, answer) => void socket.write(Buffer.concat([answer, answer])),
}

for (const [what, misdeed] of Object.entries(misdeeds)) {
  test(`${what} instead of the first answer is a typed error`, async () => {
    await using broker = await ScriptedBroker.start()
    const tell = broker.handler('ApiVersions')
    broker.on('ApiVersions', async (request, incoming) => {
      misdeed(incoming.socket, incoming.answer('ApiVersions', (await tell(request, incoming)) as object))
      return null
    })
    await using client = startClient({ brokers: [broker.address], ...options })
    await assert.rejects(client.connect(), (error: MillraceError) => {
      assert.ok(error instanceof MillraceError, String(error))
      assert.ok(['CONNECTION', 'REQUEST_TIMEOUT'].includes(error.code), error.code)
      assert.ok(error.message.includes(broker.address), error.message)
      return true
    })
  })

  test(`${what} instead of an answer rejects with a typed error, and the client goes on`, async () => {
    await using broker = await ScriptedBroker.start()
    let spoiled = 0
    const spoil = (request: { name: ApiName }, { socket, answer }: Incoming) => {
      spoiled += 1
      misdeed(socket, answer(request.name, {}))
      return null
    }
    broker.on('ListGroups', (request, incoming) => (spoiled === 0 ? spoil(request, incoming) : groups))
    await using client = startClient({ brokers: [broker.address], ...options })
    await client.connect()
    const outcomes = await Promise.allSettled(
      [0, 1, 2].map(() => client.send({ nodeId: 1 }, 'ListGroups', {}, { timeoutMs: 300 })),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        assert.ok(outcome.reason instanceof MillraceError, String(outcome.reason))
        assert.ok(outcome.reason.message.includes(broker.address), outcome.reason.message)
      }
    }
    assert.equal(spoiled, 1)
    assert.deepEqual((await client.send({ nodeId: 1 }, 'ListGroups', {}, { timeoutMs: 5_000 })).groups, [])
  })
}

test('an echo of the request is a typed error', async () => {
  await using broker = await ScriptedBroker.start()
  broker.raw = socket => void socket.pipe(socket)
  await using client = startClient({ brokers: [broker.address], ...options })
  await assert.rejects(client.connect(), { code: 'CONNECTION', message: /correlation id .* not a Kafka broker/ })
})

test('a peer that answers a request nobody sent loses its connection only', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('ListGroups', () => groups)
  await using client = startClient({ brokers: [broker.address], ...options })
  await client.send('any', 'ListGroups', {})
  for (const socket of broker.sockets) socket.write(Buffer.concat([head(8), Buffer.alloc(8)]))
  await until('the connection ended', () => client.state().brokers[0]?.connections[0]?.state !== 'ready')
  assert.match(String(client.state().brokers[0]?.connections[0]?.cause), /when nothing was asked/)
  await client.send('any', 'ListGroups', {})
})

for (const how of ['close', 'reset'] as const) {
  test(`5,000 requests under way when the socket dies (${how}) are all rejected, and the next one works`, async () => {
    await using broker = await ScriptedBroker.start()
    broker.on('ListGroups', () => null)
    await using client = startClient({ brokers: [broker.address] })
    await client.connect()
    const calls = Array.from({ length: 5_000 }, () => client.send({ nodeId: 1 }, 'ListGroups', {}))
    const outcomes = Promise.allSettled(calls)
    await until('requests came', () => broker.count('ListGroups') > 0)
    broker.disconnect(how)
    for (const outcome of await outcomes)
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'CONNECTION')
    broker.on('ListGroups', () => groups)
    await client.send({ nodeId: 1 }, 'ListGroups', {})
  })
}

test('answers that come byte by byte, or many in one piece, are read', async () => {
  await using broker = await ScriptedBroker.start()
  let held: Buffer[] = []
  broker.on('ListGroups', async (request, { socket, answer }) => {
    for (const byte of answer(request.name, groups)) {
      socket.write(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    return null
  })
  broker.on('DescribeGroups', (request, { answer }) => {
    held.push(answer(request.name, { groups: [{ groupId: `group-${held.length}` }] }))
    const all = held
    if (held.length < 100) return null
    held = []
    return Buffer.concat(all)
  })
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  assert.deepEqual((await client.send({ nodeId: 1 }, 'ListGroups', {})).groups, [])
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => client.send({ nodeId: 1 }, 'DescribeGroups', { groups: ['x'] })),
  )
  assert.deepEqual(answers.map(answer => answer.groups[0]?.groupId).slice(98), ['group-98', 'group-99'])
})

test('broken connections and refused answers leave no memory behind', async () => {
  await using broker = await ScriptedBroker.start()
  const all = Object.values(misdeeds)
  let turn = 0
  broker.on('ListGroups', (request, { socket, answer }) => {
    all[turn++ % all.length]?.(socket, answer(request.name, {}))
    return null
  })
  await using client = startClient({ brokers: [broker.address], reconnect: { minMs: 1, maxMs: 1 } })
  await client.connect()
  const round = async () => {
    for (let i = 0; i < 150; i += 1) {
      const target = { nodeId: 1, role: i % 2 === 0 ? 'fetch' : 'general' } as const
      await client.send(target, 'ListGroups', {}, { timeoutMs: 20 }).catch(error => {
        assert.ok(error instanceof MillraceError, String(error))
      })
    }
    broker.seen.length = 0
    return reachableBytes()
  }
  await round()
  const before = await round()
  assert.ok((await round()) - before < 1_000_000)
})
