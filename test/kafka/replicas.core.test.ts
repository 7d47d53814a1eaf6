import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Consumer, type LowLevelClient, NativeClient } from '../../src/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const quiet = () => {}
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
const config = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }
const count = 200

test('messages come from the follower in the rack of the consumer, from the leader when it is killed, and from it again', async () => {
  await using cluster = await KafkaCluster.start({ nodes: 3, racks: ['a', 'b', 'c'], config, topics: { orders: 1 } })
  await cluster.moveLeader('orders', 0, 1)
  const write = (from: number) => {
    return cluster.write(
      'orders',
      Array.from({ length: count }, (_, n) => ({ value: `message ${from + n}`, partition: 0 })),
    )
  }
  const bytes = new Map<number, number>()
  const native = new NativeClient({ brokers: cluster.brokers, logger, reconnect: { maxMs: 200 } })
  const counting: LowLevelClient = {
    metadata: topics => native.metadata(topics),
    fetch: async (query, signal) => {
      const answer = await native.fetch(query, signal)
      for (const fetched of answer.partitions) bytes.set(query.nodeId, (bytes.get(query.nodeId) ?? 0) + fetched.bytes)
      return answer
    },
    listOffsets: (queries, isolation) => native.listOffsets(queries, isolation),
    offsetsForLeaderEpoch: queries => native.offsetsForLeaderEpoch(queries),
    produce: (sent, options) => native.produce(sent, options),
    close: () => native.close(),
  }
  const seen: number[] = []
  const consumer = new Consumer({ brokers: cluster.brokers, logLevel: 'silent', rack: 'b', client: counting })
  consumer.topic({ topic: 'orders', partitions: [0] }, ({ offset }) => void seen.push(offset))
  await using run = running(consumer)
  const from = () => consumer.state().partitions[0]?.fetchedFrom

  await write(0)
  await until('all is read', () => seen.length === count, 60_000)
  await until('the follower is named', () => from() === 2)
  bytes.clear()
  await write(count)
  await until('all is read', () => seen.length === 2 * count, 60_000)
  assert.equal(from(), 2)
  assert.deepEqual(
    [...bytes.keys()].filter(node => (bytes.get(node) ?? 0) > 0),
    [2],
  )

  await cluster.kill(2)
  await write(2 * count)
  await until('the leader goes on', () => seen.length === 3 * count, 60_000)
  assert.equal(from(), 1)

  await cluster.restart(2)
  await until('the follower is read from again', () => from() === 2, 120_000)
  await write(3 * count)
  await until('all is read', () => seen.length === 4 * count, 60_000)
  assert.equal(run.error, null)
  assert.deepEqual(
    seen,
    Array.from({ length: 4 * count }, (_, offset) => offset),
  )
  await consumer.close()
  await native.close()
})
