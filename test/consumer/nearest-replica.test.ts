import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/index.ts'
import { Consumer, type ConsumerOptions } from '../../src/index.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const config = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }

/** Three nodes in the racks a, b and c; partition 0 of `orders` is led by node 1. */
async function start(partitions = 1) {
  const racks = ['a', 'b', 'c']
  const broker = await Broker.start({ nodes: 3, racks, config, topics: { orders: { partitions, replicas: 3 } } })
  await broker.moveLeader('orders', 0, 1)
  const producer = new TestProducer(broker.brokers)
  let written = 0
  const write = async (count: number) => {
    for (let n = 0; n < count; n++)
      await producer.write('orders', [{ value: 'x', partition: written++ % partitions }], {})
  }
  return { broker, write, [Symbol.asyncDispose]: () => broker.close() }
}

function consumerOf(broker: Broker, seen: number[], rest: Partial<ConsumerOptions> = { rack: 'b' }): Consumer {
  const { brokers } = broker
  const options = { brokers, group: 'shop', logLevel: 'silent' as const, reconnect: { minMs: 1, maxMs: 20 }, ...rest }
  return new Consumer(options).topic({ topic: 'orders', partitions: [0] }, ({ offset }) => void seen.push(offset))
}

/** Bytes of messages that each node has sent. */
function bytesByNode(broker: Broker): Map<number, number> {
  const bytes = new Map([1, 2, 3].map(node => [node, 0]))
  broker.onRequest(({ api, node, answerBytes }) => {
    if (api === 'Fetch' && answerBytes > 100) bytes.set(node, (bytes.get(node) ?? 0) + answerBytes)
  })
  return bytes
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, offset) => offset)
}

const from = (consumer: Consumer) => consumer.state().partitions[0]?.fetchedFrom

test('messages come from the replica in the rack of the consumer, and without a rack from the leader', async () => {
  await using cluster = await start()
  const { broker, write } = cluster
  await write(20)
  const cases = [
    [{ rack: 'b' }, 2],
    [{ rack: 'c' }, 3],
    [{ rack: 'a' }, 1],
    [{ rack: 'elsewhere' }, 1],
    [{}, 1],
  ] as const
  for (const [at, [where, node]] of cases.entries()) {
    const bytes = bytesByNode(broker)
    const seen: number[] = []
    const consumer = consumerOf(broker, seen, { ...where, group: `shop-${at}` })
    await using _ = running(consumer)
    await until('all is read', () => seen.length === 20)
    assert.deepEqual(seen, upTo(20))
    assert.equal(from(consumer), node)
    const senders = [...bytes].filter(([, sent]) => sent > 0).map(([id]) => id)
    assert.deepEqual(senders, [node], JSON.stringify(where))
  }
})

test('when the replica dies the leader goes on, and nothing is lost or comes twice', async () => {
  await using cluster = await start()
  const { broker, write } = cluster
  const seen: number[] = []
  const consumer = consumerOf(broker, seen)
  const stalls: unknown[] = []
  consumer.on('fetch-failed', event => stalls.push(event))
  await using _ = running(consumer)
  await write(10)
  await until('the first are read', () => seen.length === 10)
  assert.equal(from(consumer), 2)
  await broker.stopNode(2)
  await write(10)
  await until('the others are read', () => seen.length === 20)
  assert.equal(from(consumer), 1)
  assert.deepEqual(seen, upTo(20))
  assert.deepEqual(stalls, [], 'that is no trouble')
})

test('an offset that the replica does not have is asked of the leader, before any policy decides', async () => {
  await using cluster = await start()
  const { broker, write } = cluster
  await write(10)
  const seen: number[] = []
  const consumer = consumerOf(broker, seen)
  const events: unknown[] = []
  consumer.on('out-of-range', event => events.push(event))
  using fault = broker.fault({
    api: 'Fetch',
    node: 2,
    topic: 'orders',
    count: 1,
    action: { error: 'OFFSET_OUT_OF_RANGE' },
  })
  await using run = running(consumer)
  await until('all is read', () => seen.length === 10)
  await fault.hit()
  await write(5)
  await until('what follows is read', () => seen.length === 15)
  assert.deepEqual([events, run.error, from(consumer)], [[], null, 1])
  assert.deepEqual(seen, upTo(15))
})

test('a replica that lags behind is read to its end; one out of sync is left for the leader', async () => {
  await using cluster = await start()
  const { broker, write } = cluster
  const seen: number[] = []
  const consumer = consumerOf(broker, seen)
  await using _ = running(consumer)
  await write(5)
  await until('it is near', () => seen.length === 5 && from(consumer) === 2)
  await broker.lagFollower('orders', 0, 2, 3)
  await write(5)
  await until('what it serves is read', () => seen.length === 7)
  await broker.lagFollower('orders', 0, 2, 0)
  await until('the rest is read', () => seen.length === 10)
  await broker.lagFollower('orders', 0, 2, 100, { inSync: false })
  await write(5)
  await until('the leader goes on', () => seen.length === 15 && from(consumer) === 1)
  assert.deepEqual(seen, upTo(15))
})

test('another leader names another replica, or is read from itself', async () => {
  await using cluster = await start()
  const { broker, write } = cluster
  const seen: number[] = []
  const consumer = consumerOf(broker, seen)
  await using _ = running(consumer)
  await write(3)
  await until('the replica is read from', () => from(consumer) === 2 && seen.length === 3)
  await broker.moveLeader('orders', 0, 2)
  await write(3)
  await until('the new leader is in the rack', () => seen.length === 6 && from(consumer) === 2)
  await broker.moveLeader('orders', 0, 3)
  await write(3)
  await until('the replica is read from again', () => seen.length === 9 && from(consumer) === 2)
  assert.deepEqual(seen, upTo(9))
})

test('the group is told the rack', async () => {
  await using cluster = await start(3)
  const { broker } = cluster
  const told: string[] = []
  broker.fault({
    api: 'JoinGroup',
    when: ({ body }) => {
      for (const { metadata } of body.protocols) told.push(metadata.toString('latin1'))
      return true
    },
    action: { observe: true },
  })
  const consumer = new Consumer({ brokers: broker.brokers, group: 'shop', logLevel: 'silent', rack: 'rack-b' })
  consumer.topic('orders', () => {})
  await using _ = running(consumer)
  await broker.group('shop').until('Stable', 1)
  assert.ok(told.length > 0 && told.every(metadata => metadata.endsWith('rack-b')))
})

test('whatever befalls replicas and leaders, each message is handled once and in order', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = seededRandom(seed)
    const pick = (below: number) => Math.floor(random() * below)
    await using cluster = await start()
    const { broker, write } = cluster
    const seen: number[] = []
    const consumer = consumerOf(broker, seen, { rack: 'b', fetch: { maxWaitMs: 20, partitionMaxBytes: 200 } })
    await using _ = running(consumer)
    let count = 0
    for (let step = 0; step < 15; step++) {
      const more = 1 + pick(4)
      await write(more)
      count += more
      const trouble = pick(6)
      if (trouble === 0) await broker.moveLeader('orders', 0, 1)
      const [lagging, inSync] = random() < 0.5 ? [2, true] : [3, random() < 0.5]
      const leads = (await broker.leader('orders', 0)) === lagging
      if (trouble === 1 && !leads) await broker.lagFollower('orders', 0, lagging, pick(5), { inSync })
      if (trouble === 2) await broker.stopNode(2)
      if (trouble === 3) await broker.startNode(2)
      if (trouble === 4) broker.fault({ api: 'Fetch', node: 2, count: 1, action: { error: 'OFFSET_NOT_AVAILABLE' } })
      if (trouble === 5) broker.fault({ api: 'Fetch', node: 2, count: 1, action: { drop: 'after' } })
    }
    await broker.startNode(2)
    const leader = await broker.leader('orders', 0)
    for (const node of [2, 3]) if (node !== leader) await broker.lagFollower('orders', 0, node, 0)
    await until(`all is read, seed ${seed}`, () => seen.length >= count)
    assert.deepEqual(seen, upTo(count), `seed ${seed}`)
  }
})
