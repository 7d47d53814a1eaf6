import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import type { Requests } from '../../src/protocol/messages.ts'
import { LogBench, waits } from './log-bench.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

const { FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH } = errorCodes

type Asked = Partial<Requests['Fetch']> & { readonly partitions?: readonly [partition: number, offset: number][] }

/** A client of node 1 that fetches partitions of `t`. */
function clientOf(bench: LogBench, node = 1) {
  return async (sessionId: number, sessionEpoch: number, { partitions = [], ...more }: Asked = {}) => {
    const asked = partitions.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 20 }))
    const topics = asked.length === 0 ? [] : [{ topic: 't', partitions: asked }]
    const body = { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch, topics, ...more }
    const answer = await bench.ask('Fetch', 12, body, { node })
    const told = answer.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex))
    return { code: answer.errorCode, id: answer.sessionId, told }
  }
}

test('a session is told news only: messages, another high watermark or start, and errors', async () => {
  const bench = new LogBench()
  const fetch = clientOf(bench)
  const { id, told } = await fetch(0, 0, {
    partitions: [
      [0, 0],
      [1, 0],
    ],
  })
  assert.ok(id > 0)
  assert.deepEqual(told, [0, 1])
  assert.deepEqual(await fetch(id, 1), { code: 0, id, told: [] })
  await bench.write(['a', 'b'])
  assert.deepEqual((await fetch(id, 2)).told, [0], 'a message')
  assert.deepEqual((await fetch(id, 3)).told, [0], 'as long as it is not asked for what follows')
  assert.deepEqual((await fetch(id, 4, { partitions: [[0, 2]] })).told, [])
  await bench.deleteBefore(1)
  assert.deepEqual((await fetch(id, 5)).told, [0], 'another start')
  assert.deepEqual((await fetch(id, 6, { partitions: [[7, 0]] })).told, [7])
  assert.deepEqual((await fetch(id, 7)).told, [7], 'an error, each time')
  assert.deepEqual((await fetch(id, 8, { forgottenTopicsData: [{ topic: 't', partitions: [7] }] })).told, [])
  bench.cluster.close()
})

test('a fetch in a session waits for what the session fetches, not only for what the request names', async () => {
  const bench = new LogBench()
  const idle = bench.clock.timers
  const fetch = clientOf(bench)
  const { id } = await fetch(0, 0, {
    partitions: [
      [0, 0],
      [1, 0],
    ],
  })
  const parked = fetch(id, 1, { maxWaitMs: 1_000 })
  assert.ok(await waits(parked))
  await bench.write(['a'])
  assert.deepEqual((await parked).told, [0])
  const late = fetch(id, 2, { partitions: [[0, 1]], maxWaitMs: 1_000 })
  await bench.clock.advance(1_000)
  assert.deepEqual((await late).told, [])
  assert.equal(bench.clock.timers, idle)
  bench.cluster.close()
})

test('epochs have no gaps, and a session that went on meanwhile tells a request that waited nothing', async () => {
  const bench = new LogBench()
  const fetch = clientOf(bench)
  const { id } = await fetch(0, 0, { partitions: [[0, 0]] })
  assert.equal((await fetch(id, 2)).code, INVALID_FETCH_SESSION_EPOCH)
  assert.equal((await fetch(id + 1, 1)).code, FETCH_SESSION_ID_NOT_FOUND)
  const parked = fetch(id, 1, { maxWaitMs: 1_000 })
  assert.equal((await fetch(id, 2)).code, 0)
  await bench.clock.advance(1_000)
  assert.deepEqual(await parked, { code: INVALID_FETCH_SESSION_EPOCH, id, told: [] })
  bench.cluster.close()
})

test('a session ends when it is closed, replaced or has no partition; each node has its own, and loses them when it stops', async () => {
  const bench = new LogBench({ nodes: 2 })
  const fetch = clientOf(bench)
  const open = async () => (await fetch(0, 0, { partitions: [[0, 0]] })).id
  const one = await open()
  assert.equal((await clientOf(bench, 2)(one, 1)).code, FETCH_SESSION_ID_NOT_FOUND)
  assert.deepEqual(await fetch(one, -1, { partitions: [[0, 0]] }), { code: 0, id: 0, told: [0] })
  assert.equal((await fetch(one, 1)).code, FETCH_SESSION_ID_NOT_FOUND)
  const two = await open()
  const three = (await fetch(two, 0, { partitions: [[0, 0]] })).id
  assert.notEqual(three, two)
  assert.equal((await fetch(two, 1)).code, FETCH_SESSION_ID_NOT_FOUND)
  const forgottenTopicsData = [{ topic: 't', partitions: [0] }]
  assert.deepEqual(await fetch(three, 1, { forgottenTopicsData }), { code: 0, id: 0, told: [] })
  assert.equal((await fetch(three, 2)).code, FETCH_SESSION_ID_NOT_FOUND)
  const four = await open()
  bench.cluster.nodeStopped(1)
  assert.equal((await fetch(four, 1)).code, FETCH_SESSION_ID_NOT_FOUND)
  bench.cluster.close()
})

test('without a free slot a session gives way after two minutes: an unused one to any, an old one to a larger one', async () => {
  const bench = new LogBench({ config: { 'max.incremental.fetch.session.cache.slots': '2' } })
  const fetch = clientOf(bench)
  const open = async (...partitions: number[]) => {
    return (await fetch(0, 0, { partitions: partitions.map((partition): [number, number] => [partition, 0]) })).id
  }
  const [first, second] = [await open(0), await open(0)]
  assert.equal(await open(0, 1), 0, 'no slot is free')
  await bench.clock.advance(120_001)
  assert.equal((await fetch(first, 1)).code, 0)
  const third = await open(0)
  assert.notEqual(third, 0)
  assert.equal((await fetch(second, 1)).code, FETCH_SESSION_ID_NOT_FOUND, 'nobody used it')
  assert.equal(await open(0), 0, 'the old one is not smaller')
  assert.notEqual(await open(0, 1), 0)
  assert.equal((await fetch(first, 2)).code, FETCH_SESSION_ID_NOT_FOUND)
  bench.cluster.close()
})

test('sessions take bounded memory: one that would grow beyond it is not made, or ends', async () => {
  const bench = new LogBench()
  const fetch = clientOf(bench)
  const many = (from: number, count: number) => {
    return Array.from({ length: count }, (_, index): [number, number] => [from + index, 0])
  }
  const { id } = await fetch(0, 0, { partitions: many(0, 60_000) })
  assert.ok(id > 0)
  assert.equal((await fetch(0, 0, { partitions: many(0, 50_000) })).id, 0)
  assert.equal((await fetch(id, 1, { partitions: many(60_000, 50_000) })).code, FETCH_SESSION_ID_NOT_FOUND)
  assert.notEqual((await fetch(0, 0, { partitions: many(0, 100_000) })).id, 0, 'what it held is free again')
  const topics = [{ topic: 'a'.repeat(250), partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }]
  assert.equal((await fetch(0, 0, { topics })).id, 0)
  bench.cluster.close()
})

test('faults and the log of requests are about all that a session fetches, and an error for a part ends it', async () => {
  await using broker = await Broker.start({ topics: { orders: 2, other: 1 } })
  using client = await RawConnection.to(broker.brokers[0] as string)
  const asked = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }]
  const ask = async (sessionId: number, sessionEpoch: number, topics: Requests['Fetch']['topics']) => {
    const body = { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch, topics }
    const frame = await client.exchange(requestFrame('Fetch', 12, body))
    assert.ok(frame !== null)
    return decodeResponse('Fetch', 12, frame)
  }
  const topics = ['orders', 'other'].map(topic => ({ topic, partitions: asked }))
  const { sessionId } = await ask(0, 0, topics)
  const seen = broker.fault({ api: 'Fetch', topic: 'other', action: { observe: true } })
  assert.deepEqual((await ask(sessionId, 1, [])).responses, [])
  assert.equal(seen.hits, 1)
  assert.deepEqual(broker.requests.at(-1)?.topics, ['orders', 'other'])
  using _ = broker.fault({ api: 'Fetch', topic: 'orders', count: 1, action: { error: 'NOT_LEADER_OR_FOLLOWER' } })
  const failed = await ask(sessionId, 2, [])
  assert.equal(failed.sessionId, 0)
  assert.deepEqual(
    failed.responses.map(({ topic, partitions }) => [topic, partitions[0]?.errorCode]),
    [
      ['orders', errorCodes.NOT_LEADER_OR_FOLLOWER],
      ['other', 0],
    ],
  )
  assert.equal((await ask(sessionId, 3, [])).errorCode, FETCH_SESSION_ID_NOT_FOUND)
  using none = broker.fault({ api: 'Fetch', count: 1, action: { error: 'FETCH_SESSION_ID_NOT_FOUND' } })
  assert.equal((await ask(0, 0, topics)).errorCode, FETCH_SESSION_ID_NOT_FOUND)
  assert.equal(none.hits, 1)
})
