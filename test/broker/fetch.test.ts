import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { LogBench, waits } from './log-bench.ts'

const { OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH } = errorCodes

test('an answer tells the offsets of the log, and what was asked for', async () => {
  const bench = new LogBench()
  await bench.write(['0', '1', '2'])
  await bench.deleteBefore(1)
  const { errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = await bench.fetch({
    offset: 1,
  })
  assert.deepEqual([errorCode, highWatermark, lastStableOffset, logStartOffset], [0, 3, 3, 1])
  assert.equal(abortedTransactions, null)
  assert.deepEqual((await bench.fetch({ offset: 1, committed: true })).abortedTransactions, [])
  const atEnd = await bench.fetch({ offset: 3 })
  assert.deepEqual([atEnd.errorCode, atEnd.records?.length], [0, 0])
  for (const offset of [0, 4, -1]) {
    const { errorCode, highWatermark, records } = await bench.fetch({ offset, maxWaitMs: 1_000 })
    assert.deepEqual([errorCode, highWatermark, records?.length], [OFFSET_OUT_OF_RANGE, -1, 0])
  }
  bench.cluster.close()
})

test('the first batch comes however large it is, the others only as far as the limits allow (KIP-74)', async () => {
  const bench = new LogBench()
  const send = (index: number) => {
    const records = writeBatch([{ value: Buffer.alloc(1_000) }], { now: 0 })
    const topicData = [{ name: 't', partitionData: [{ index, records }] }]
    return bench.ask('Produce', 9, { acks: 1, timeoutMs: 1, topicData })
  }
  for (const index of [0, 0, 1, 1]) await send(index)
  const whole = bench.log.size / 2
  const sizes = async (maxBytes: number, partitionMaxBytes: number, offset = 0) => {
    const partitions = [0, 1].map(partition => ({
      partition,
      fetchOffset: partition === 0 ? offset : 0,
      partitionMaxBytes,
    }))
    const answer = await bench.ask('Fetch', 11, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes,
      topics: [{ topic: 't', partitions }],
    })
    return answer.responses[0]?.partitions.map(({ records }) => records?.length)
  }
  assert.deepEqual(await sizes(0, 0), [whole, 0])
  assert.deepEqual(await sizes(0, 0, 2), [0, whole], 'the first that has anything')
  assert.deepEqual(await sizes(10_000, 10), [whole, 0], 'a later one must fit')
  assert.deepEqual(await sizes(10_000, whole + 10), [whole + 10, whole + 10])
  assert.deepEqual(await sizes(whole * 2 + 10, 10_000), [whole * 2, 0])
  assert.deepEqual(await sizes(whole * 3, 10_000), [whole * 2, whole])
  bench.cluster.close()
})

test('a fetch waits for as many bytes as it wants, or until its time is over', async () => {
  const bench = new LogBench()
  const idle = bench.clock.timers
  const record = writeBatch([{ value: 'v' }], { now: 0 }).length
  const parked = bench.fetch({ maxWaitMs: 500, minBytes: 2 * record })
  assert.ok(await waits(parked))
  await bench.write(['v'])
  assert.ok(await waits(parked))
  await bench.write(['v'])
  assert.equal((await parked).records?.length, 2 * record)
  const late = bench.fetch({ offset: 1, maxWaitMs: 500, minBytes: 2 * record })
  await bench.clock.advance(499)
  assert.ok(await waits(late))
  await bench.clock.advance(1)
  assert.equal((await late).records?.length, record, 'what there is')
  assert.equal((await bench.fetch({ maxWaitMs: 500, minBytes: 0, offset: 2 })).records?.length, 0, 'wants nothing')
  assert.equal(bench.clock.timers, idle)
  bench.cluster.close()
})

test('who waits is answered when the leader moves, the topic is deleted, or the cluster closes', async () => {
  const bench = new LogBench({ nodes: 2 })
  const idle = bench.clock.timers
  const moved = bench.fetch({ version: 10, maxWaitMs: 10_000 })
  assert.ok(await waits(moved))
  bench.partition().elect(2)
  assert.equal((await moved).errorCode, NOT_LEADER_OR_FOLLOWER)
  const fenced = bench.fetch({ version: 12, epoch: 1, maxWaitMs: 10_000 })
  assert.ok(await waits(fenced))
  bench.partition().elect(1)
  assert.equal((await fenced).errorCode, FENCED_LEADER_EPOCH)
  const deleted = bench.fetch({ maxWaitMs: 10_000 })
  assert.ok(await waits(deleted))
  const topic = bench.cluster.topics.get('t')
  assert.ok(topic)
  bench.cluster.topics.delete(topic)
  assert.equal((await deleted).errorCode, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(bench.clock.timers, idle)
  bench.cluster.topics.create({ name: 't' })
  const closed = bench.fetch({ maxWaitMs: 10_000 })
  assert.ok(await waits(closed))
  bench.cluster.close()
  assert.equal(await waits(closed), false)
  assert.equal(bench.clock.timers, 0)
})

test('a client that is gone leaves nothing behind', async () => {
  const bench = new LogBench()
  const idle = bench.clock.timers
  const gone = new AbortController()
  const parked = bench.fetch({ maxWaitMs: 10_000, gone: gone.signal })
  assert.ok(await waits(parked))
  gone.abort()
  await assert.rejects(parked, /no answer is sent/)
  assert.equal(bench.clock.timers, idle)
  bench.cluster.close()
})

test('a fetch waits while what it asks for in one partition does not exist, as long as there is another', async () => {
  const bench = new LogBench()
  const fetch = (...partitions: number[]) => {
    const asked = partitions.map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 }))
    return bench.ask('Fetch', 12, { maxWaitMs: 500, minBytes: 1, topics: [{ topic: 't', partitions: asked }] })
  }
  const none = await fetch(7)
  assert.deepEqual(
    none.responses[0]?.partitions.map(each => [each.errorCode, each.abortedTransactions]),
    [[3, []]],
  )
  const some = fetch(7, 1)
  assert.ok(await waits(some))
  await bench.clock.advance(500)
  assert.deepEqual(
    (await some).responses[0]?.partitions.map(each => each.errorCode),
    [3, 0],
  )
  assert.equal((await bench.ask('Fetch', 12, { maxWaitMs: 500, minBytes: 1, topics: [] })).responses.length, 0)
  bench.cluster.close()
})

test('topics go by their ids from version 13 on', async () => {
  const bench = new LogBench()
  await bench.write(['0'])
  const answer = await bench.fetchAnswer({ version: 13 })
  assert.equal(answer.responses[0]?.topicId, bench.cluster.topics.get('t')?.id)
  assert.ok(answer.responses[0]?.partitions[0]?.records?.length)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }]
  const topics = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions }]
  const unknown = await bench.ask('Fetch', 13, { maxWaitMs: 500, minBytes: 1, topics })
  assert.equal(unknown.responses[0]?.partitions[0]?.errorCode, errorCodes.UNKNOWN_TOPIC_ID)
  bench.cluster.close()
})

test('leader epochs that differ are told, and from version 16 on the leader too', async () => {
  const bench = new LogBench({ nodes: 3 })
  bench.partition().elect(2)
  const told = async (version: number, node: number, epoch: number) => {
    const { responses, nodeEndpoints } = await bench.fetchAnswer({ version, node, epoch })
    const { errorCode, currentLeader } = responses[0]?.partitions[0] ?? {}
    return [errorCode, currentLeader?.leaderId, nodeEndpoints.map(each => each.port)]
  }
  assert.deepEqual(await told(15, 2, 0), [FENCED_LEADER_EPOCH, -1, []])
  assert.deepEqual(await told(16, 2, 0), [FENCED_LEADER_EPOCH, 2, [2]])
  assert.deepEqual(await told(16, 2, 2), [UNKNOWN_LEADER_EPOCH, -1, []])
  assert.deepEqual(await told(16, 2, 1), [0, -1, []])
  bench.cluster.close()
})

test('followers answer consumers from version 11 on, other nodes never (KIP-392)', async () => {
  const bench = new LogBench({ nodes: 3, config: { 'default.replication.factor': '2' } })
  const { leader, replicas } = bench.partition()
  const follower = replicas.find(node => node !== leader) ?? 0
  const stranger = [1, 2, 3].find(node => !replicas.includes(node)) ?? 0
  const code = async (version: number, node: number) => (await bench.fetch({ version, node })).errorCode
  assert.deepEqual([await code(10, follower), await code(11, follower)], [NOT_LEADER_OR_FOLLOWER, 0])
  assert.deepEqual([await code(10, stranger), await code(11, stranger)], [6, 6])
  bench.cluster.close()
})

test('a client whose log went another way is told where (KIP-595)', async () => {
  const bench = new LogBench({ nodes: 2 })
  await bench.write(['0', '1'])
  bench.partition().elect(2)
  const node = 2
  await bench.send(writeBatch([{ value: '2' }], { now: 0 }), { node })
  const diverging = async (offset: number, lastEpoch: number) => {
    const answer = await bench.fetch({ node, offset, lastEpoch, maxWaitMs: 1_000 })
    return [answer.errorCode, answer.divergingEpoch.epoch, answer.divergingEpoch.endOffset, answer.records?.length]
  }
  assert.deepEqual(await diverging(3, 0), [0, 0, 2, 0])
  assert.deepEqual((await diverging(2, 0)).slice(0, 3), [0, -1, -1])
  assert.deepEqual(await diverging(3, 2), [OFFSET_OUT_OF_RANGE, -1, -1, 0], 'an epoch that there never was')
  bench.cluster.close()
})

test('limits below zero, unknown isolation levels and followers of no cluster are errors', async () => {
  const bench = new LogBench()
  assert.equal((await bench.fetch({ partitionMaxBytes: -1 })).errorCode, -1)
  assert.equal((await bench.fetch({ maxBytes: -1 })).errorCode, -1)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }]
  const body = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 't', partitions }] }
  assert.equal((await bench.ask('Fetch', 12, { ...body, isolationLevel: 2 })).errorCode, -1)
  const follower = await bench.ask('Fetch', 12, { ...body, replicaId: 2 })
  assert.equal(follower.responses[0]?.partitions[0]?.errorCode, NOT_LEADER_OR_FOLLOWER)
  bench.set({ 'compression.type': 'zstd' })
  assert.equal((await bench.fetch({ version: 9 })).errorCode, errorCodes.UNSUPPORTED_COMPRESSION_TYPE)
  assert.equal((await bench.fetch({ version: 10 })).errorCode, 0)
  bench.cluster.close()
})
