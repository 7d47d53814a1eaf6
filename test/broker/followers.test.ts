import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { LogBench, waits } from './log-bench.ts'

const config = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }

test('a lagging follower in sync serves whole batches up to its own high watermark, and waits there', async () => {
  const bench = new LogBench({ nodes: 2 })
  for (const batch of [
    ['0', '1'],
    ['2', '3'],
    ['4', '5'],
  ])
    await bench.write(batch)
  bench.partition().lagFollower(2, 1, true)
  const told = async (offset: number, committed = false) => {
    const { errorCode, highWatermark, lastStableOffset, records } = await bench.fetch({ node: 2, offset, committed })
    return [errorCode, highWatermark, lastStableOffset, (records?.length ?? 0) > 0]
  }
  assert.deepEqual(await told(2), [0, 4, 4, true])
  assert.deepEqual((await bench.read({ node: 2 })).length, 4)
  assert.deepEqual(await told(4), [0, 4, 4, false], 'the leader has more')
  assert.deepEqual(await told(6, true), [0, 4, 4, false], 'it has this, and does not serve it')
  assert.deepEqual(await told(7), [errorCodes.OFFSET_OUT_OF_RANGE, -1, -1, false])
  const parked = bench.fetch({ node: 2, offset: 4, maxWaitMs: 10_000 })
  assert.ok(await waits(parked))
  bench.partition().lagFollower(2, 0, true)
  assert.equal((await parked).highWatermark, 6)
  assert.equal((await bench.read({ node: 2, offset: 4 })).length, 2)
  bench.cluster.close()
})

test('a follower that is out of sync lacks what it does not serve, and does not lead', async () => {
  const bench = new LogBench({ nodes: 2 })
  await bench.write(['0'])
  await bench.write(['1'])
  const partition = bench.partition()
  partition.lagFollower(2, 1, false)
  assert.deepEqual(partition.isr, [1])
  assert.equal((await bench.fetch({ node: 2, offset: 1 })).errorCode, 0)
  assert.equal((await bench.fetch({ node: 2, offset: 2 })).errorCode, errorCodes.OFFSET_OUT_OF_RANGE)
  const first = bench.cluster.nodes.get(1)
  assert.ok(first)
  first.running = false
  partition.nodesChanged()
  assert.equal(partition.leader, -1)
  partition.lagFollower(2, 0, true)
  assert.equal(partition.leader, 2, 'in sync again')
  partition.lagFollower(1, 5, true)
  partition.elect(1)
  assert.equal(partition.highWatermarkOf(1), 2, 'a leader is never behind')
  bench.cluster.close()
})

test('a leader names an in-sync follower in the rack of the consumer that has the offset, and reads nothing', async () => {
  const bench = new LogBench({ nodes: 3, config })
  for (const node of bench.cluster.nodes.all) Object.assign(node, { rack: node.id === 1 ? 'a' : 'b' })
  await bench.write(['0', '1'])
  const preferred = async (rackId: string, offset = 0, node = 1) => {
    const topics = [{ topic: 't', partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }]
    const answer = await bench.ask('Fetch', 12, { maxWaitMs: 10_000, minBytes: 1, rackId, topics }, { node })
    const told = answer.responses[0]?.partitions[0]
    return [told?.preferredReadReplica, told?.records?.length === 0]
  }
  assert.deepEqual(await preferred('b'), [3, true])
  assert.deepEqual(await preferred('a'), [-1, false], 'the leader is in it')
  assert.deepEqual(await preferred('c'), [-1, false])
  assert.deepEqual(await preferred(''), [-1, false])
  assert.deepEqual(await preferred('a', 0, 2), [-1, false], 'a follower names nobody')
  bench.partition().lagFollower(3, 1, false)
  assert.deepEqual(await preferred('b', 2), [2, true])
  bench.partition().lagFollower(2, 1, true)
  assert.deepEqual(await preferred('b', 2), [2, true], 'it is in sync')
  assert.deepEqual((await preferred('b', 3))[0], -1, 'nobody has it')
  bench.cluster.close()
})

test('only followers lag, by a number of messages', async () => {
  await using broker = await Broker.start({ nodes: 2, topics: { orders: 1 } })
  const leader = await broker.leader('orders', 0)
  await assert.rejects(broker.lagFollower('orders', 0, leader, 1), /no follower of orders-0; its followers: /)
  await assert.rejects(broker.lagFollower('orders', 0, 3 - leader, -1), /cannot be -1 messages behind/)
  await assert.rejects(broker.lagFollower('none', 0, 1, 1), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})
