import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { FetchedPartition } from '../../src/client/low-level-client.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { startClient } from '../client/recorder.ts'
import { until } from '../client/until.ts'
import { KafkaCluster } from './kafka-cluster.ts'

let kafka: KafkaCluster
before(async () => {
  kafka = await KafkaCluster.start({ topics: { orders: 3 } })
})
after(() => kafka?.close())

function batch(partition: number, ...values: string[]) {
  return { topic: 'orders', partition, records: writeBatch(values.map(value => ({ value }))) }
}

function fetchFrom(partition: number, offset: number, leaderEpoch = -1) {
  const partitions = [{ topic: 'orders', partition, offset, leaderEpoch, maxBytes: 100_000 }]
  const isolation = 'read_committed' as const
  return { nodeId: 1, connection: 0, maxWaitMs: 500, minBytes: 1, maxBytes: 1_000_000, isolation, partitions }
}

function offsetsOf(fetched: FetchedPartition | undefined) {
  return fetched?.batches.map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset])
}

test('metadata tells leaders and ids, and unknown topics are not created', async () => {
  await using client = startClient({ brokers: kafka.brokers })
  await client.connect()
  for (let i = 0; i < 2; i += 1) {
    const { topics, brokers } = await client.metadata(['orders', 'never-made', 'no/name'])
    assert.deepEqual(
      topics.get('orders')?.partitions.map(({ partition, leader }) => [partition, leader]),
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    )
    assert.match(String(topics.get('orders')?.topicId), /^[\w-]{22}$/)
    assert.equal(topics.get('never-made')?.error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.equal(topics.get('no/name')?.error?.code, 'INVALID_TOPIC_EXCEPTION')
    assert.equal(brokers.length, 1)
  }
  assert.deepEqual(
    [...(await client.metadata('all')).topics.keys()].filter(topic => !topic.startsWith('__')),
    ['orders'],
  )
})

test('what is produced is fetched, and its offsets are found', async () => {
  await using client = startClient({ brokers: kafka.brokers })
  const produced = await client.produce([batch(0, 'a', 'b'), batch(0, 'c'), batch(1, 'd')])
  assert.deepEqual(
    produced.map(({ baseOffset, error }) => [baseOffset, error]),
    [
      [0, null],
      [2, null],
      [0, null],
    ],
  )
  await client.produce([batch(0, 'e')], { acks: 0 })
  const at = (timestamp: number) => ({ topic: 'orders', partition: 0, timestamp })
  const latest = async () =>
    (await client.listOffsets([at(-2), at(-1), at(0), at(4e12)], 'read_committed')).map(({ offset }) => offset)
  let offsets = await latest()
  while (offsets[1] === 3) offsets = await latest()
  assert.deepEqual(offsets, [0, 4, 0, -1])
  const { partitions } = await client.fetch(fetchFrom(0, 1, client.leaderOf('orders', 0)?.leaderEpoch))
  assert.deepEqual(offsetsOf(partitions[0]), [
    [0, 1],
    [2, 2],
    [3, 3],
  ])
  assert.equal(partitions[0]?.highWatermark, 4)
  assert.ok(partitions[0].batches.every(({ crcValid }) => crcValid))
  const beyond = await client.fetch(fetchFrom(0, 99))
  assert.equal(beyond.partitions[0]?.error?.code, 'OFFSET_OUT_OF_RANGE')
})

test('topics are fetched by name too', async () => {
  await using client = startClient({ brokers: kafka.brokers })
  await client.connect()
  await kafka.write('orders', [{ value: 'x', partition: 2 }])
  const { partitions } = await client.fetch(fetchFrom(2, 0))
  assert.deepEqual(offsetsOf(partitions[0]), [[0, 0]])
})

test('a group finds its coordinator', async () => {
  await using client = startClient({ brokers: kafka.brokers })
  const topics = [{ name: 'orders', partitionIndexes: [0] }]
  const body = { groups: [{ groupId: 'shop', topics }], requireStable: true }
  const ask = async () => {
    const answer = await client.send({ group: 'shop' }, 'OffsetFetch', body, { minVersion: 8, maxVersion: 9 })
    return answer.groups[0]
  }
  let group = await ask()
  // The first group makes the cluster create its topic of offsets.
  while ([14, 15, 16].includes(group?.errorCode ?? -1)) {
    client.forgetCoordinator('shop')
    group = await ask()
  }
  assert.deepEqual(
    group?.topics[0]?.partitions.map(({ committedOffset }) => committedOffset),
    [-1],
  )
})

test('a client goes on with a broker that was killed and started again', async () => {
  await using client = startClient({ brokers: kafka.brokers, reconnect: { minMs: 20, maxMs: 200 } })
  const before =
    (await client.listOffsets([{ topic: 'orders', partition: 1, timestamp: -1 }], 'read_uncommitted'))[0]?.offset ?? -1
  const parked = client.fetch({ ...fetchFrom(1, before), maxWaitMs: 20_000 })
  await until('the fetch is under way', () =>
    client
      .state()
      .brokers.some(({ connections }) => connections.some(({ role, inFlight }) => role === 'fetch' && inFlight === 1)),
  )
  const [rejected] = await Promise.allSettled([parked, kafka.kill(1)])
  assert.equal(rejected.status === 'rejected' && rejected.reason.code, 'CONNECTION')
  await assert.rejects(client.metadata(['orders']), { code: 'CONNECTION', message: /ECONNREFUSED/ })
  await kafka.restart(1)
  const [produced] = await client.produce([batch(1, 'later')])
  assert.equal(produced?.error, null)
  const { partitions } = await client.fetch(fetchFrom(1, before))
  assert.deepEqual(offsetsOf(partitions[0]), [[before, before]])
})
