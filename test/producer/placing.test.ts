import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { Broker } from '../../src/broker/index.ts'
import { constantPartition, type Delivery, DeliveryError, type PartitionerOption, Producer } from '../../src/index.ts'
import { AnyPartition } from '../../src/producer/any-partition.ts'
import { VirtualClock } from '../virtual-clock.ts'

const range = (count: number) => Array.from({ length: count }, (_, at) => at)

/** How many of so many draws each partition gets, when so many batches wait for each. */
function shares(loads: readonly number[], draws: number): number[] {
  const any = new AnyPartition(seededRandom(7), 100)
  const partitions = range(loads.length)
  const counts = loads.map(() => 0)
  for (let draw = 0; draw < draws; draw++) {
    const partition = any.choose(partitions, at => loads[at] as number)
    counts[partition] = (counts[partition] as number) + 1
    any.used(100)
  }
  return counts.map(count => count / draws)
}

function assertAbout(actual: readonly number[], expected: readonly number[]): void {
  for (const [at, share] of expected.entries()) {
    assert.ok(Math.abs((actual[at] as number) - share) < 0.01, `${actual}, not ${expected}`)
  }
}

test('without load all partitions get the same; with it, those that have less waiting get more (KIP-794)', () => {
  assertAbout(shares([0, 0, 0, 0], 20_000), [0.25, 0.25, 0.25, 0.25])
  assertAbout(shares([3, 3], 20_000), [0.5, 0.5])
  // The example of the KIP: queues of 0, 3 and 1 are drawn as 4, 1 and 3.
  assertAbout(shares([0, 3, 1], 20_000), [4 / 8, 1 / 8, 3 / 8])
  assertAbout(shares([9], 10), [1])
})

test('a partition is kept until it got a batch’s worth of bytes, and left when it may not be used any more', () => {
  const any = new AnyPartition(seededRandom(1), 1_000)
  const all = range(50)
  const first = any.choose(all, () => 0)
  any.used(999)
  assert.equal(
    any.choose(all, () => 0),
    first,
  )
  any.used(1)
  const drawn = new Set<number>()
  for (const _ of range(20)) {
    drawn.add(any.choose(all, () => 0))
    any.used(1_000)
  }
  assert.ok(drawn.size > 10)
  const others = all.filter(partition => partition !== any.choose(all, () => 0))
  assert.ok(others.includes(any.choose(others, () => 0)))
})

/** The partitions that messages of these keys went to, sent one after another. */
async function placesOf(
  broker: Broker,
  partitioner: PartitionerOption,
  keys: readonly (string | undefined)[],
  topic = 'orders',
): Promise<number[]> {
  await using producer = new Producer({ brokers: broker.brokers, partitioner }, { random: seededRandom(3) })
  const results = await producer.sendBatch(keys.map(key => ({ topic, key, value: 'v' })))
  return results.map(result => (result as Delivery).partition)
}

test('each partitioner places what a producer sends', async () => {
  await using broker = await Broker.start({ topics: { orders: 4, others: 4 } })
  const none = range(40).map(() => undefined)
  const keys = range(40).map(at => `key ${at % 5}`)
  assert.deepEqual(await placesOf(broker, 'round-robin', keys.slice(0, 6)), [0, 1, 2, 3, 0, 1])
  assert.deepEqual([...new Set(await placesOf(broker, 'random', none))].toSorted(), [0, 1, 2, 3])
  assert.deepEqual(new Set(await placesOf(broker, constantPartition(2), keys)), new Set([2]))
  assert.deepEqual(new Set(await placesOf(broker, ({ rawKey }) => rawKey?.length ?? 1, none)), new Set([1]))
  for (const sticky of [await placesOf(broker, 'murmur2', none), await placesOf(broker, 'sticky', keys)]) {
    assert.equal(new Set(sticky).size, 1)
  }
  for (const name of ['murmur2', 'fnv1a', 'crc32'] as const) {
    const places = await placesOf(broker, name, keys)
    assert.deepEqual(places, [...places.slice(0, 5), ...places.slice(0, 35)])
    assert.ok(new Set(places).size > 1)
    assert.deepEqual(await placesOf(broker, name, keys, 'others'), places)
  }
})

test('a partitioner that answers nonsense fails that message alone, and the error says what it answered', async () => {
  await using broker = await Broker.start({ topics: { orders: 3 } })
  const answers: Record<string, unknown> = {
    NaN: Number.NaN,
    minus: -1,
    text: 'x',
    beyond: 3,
    half: 0.5,
    nothing: undefined,
  }
  const partitioner = (({ key }) =>
    key === 'throws' ? assert.fail('its own fault') : answers[String(key)]) as Extract<
    PartitionerOption,
    (...args: never[]) => unknown
  >
  answers.sound = 1
  answers.any = null
  await using producer = new Producer({ brokers: broker.brokers, partitioner })
  const send = (key: string) => producer.send({ topic: 'orders', key, value: null })
  const wrong = Object.keys(answers).filter(key => key !== 'sound' && key !== 'any')
  const failed = wrong.map(key =>
    assert.rejects(send(key), (error: Error) => {
      assert.ok(error instanceof DeliveryError)
      assert.deepEqual([error.code, error.written, error.topic], ['UNKNOWN_PARTITION', 'no', 'orders'])
      const what = typeof answers[key] === 'string' ? `'${answers[key]}'` : String(answers[key])
      assert.equal(error.message, `Topic orders has the partitions 0 to 2, and the partitioner chose ${what}`)
      return true
    }),
  )
  const thrown = assert.rejects(send('throws'), { code: 'PARTITIONER', written: 'no', message: /: its own fault$/ })
  assert.equal((await send('sound')).partition, 1)
  assert.ok((await send('any')).partition >= 0)
  await Promise.all([...failed, thrown])
})

test('a partitioner that is none is refused, and nothing stays behind', () => {
  const clock = new VirtualClock()
  const partitioner = 'murmur3' as PartitionerOption
  assert.throws(() => new Producer({ brokers: ['localhost:9'], partitioner }, { clock }), { code: 'INVALID_OPTION' })
  assert.equal(clock.timers, 0)
})

test('messages without a key fill all partitions alike, a batch at a time', async () => {
  await using broker = await Broker.start({ topics: { orders: 8 } })
  const options = { brokers: broker.brokers, batchBytes: 1_000, acks: 1 } as const
  await using producer = new Producer(options, { random: seededRandom(5) })
  const results = await producer.sendBatch(range(8_000).map(() => ({ topic: 'orders', value: 'x'.repeat(90) })))
  const counts = range(8).map(() => 0)
  let turns = 0
  for (const [at, result] of results.entries()) {
    const { partition } = result as Delivery
    counts[partition] = (counts[partition] as number) + 1
    if (partition !== (results[at - 1] as Delivery | undefined)?.partition) turns++
  }
  // About ten messages make a batch; one draw of eight takes the same partition again.
  assert.ok(turns > 600 && turns < 800, `${turns} turns`)
  for (const count of counts) assert.ok(count > 700 && count < 1_300, `${counts}`)
})

test('a partition whose leader is slow gets less of what may go anywhere', async () => {
  await using broker = await Broker.start({ nodes: 2, topics: { orders: 2 } })
  await broker.moveLeader('orders', 0, 1)
  await broker.moveLeader('orders', 1, 2)
  using _ = broker.fault({ api: 'Produce', node: 2, action: { noReply: true } })
  const options = { brokers: broker.brokers, batchBytes: 1_000, acks: 1, requestTimeoutMs: 600_000 } as const
  const producer = new Producer(options, { random: seededRandom(2) })
  const sent: Promise<boolean>[] = []
  for (const _ of range(200)) {
    const messages = range(12).map(() => producer.send({ topic: 'orders', value: 'x'.repeat(90) }))
    sent.push(
      ...messages.map(each =>
        each.then(
          () => true,
          () => false,
        ),
      ),
    )
    // Answered once those before it are.
    await producer.send({ topic: 'orders', value: null, partition: 0 })
  }
  await producer.close({ drainMs: 0 })
  const fast = (await Promise.all(sent)).filter(Boolean).length
  assert.ok(fast > 0.8 * sent.length, `${fast} of ${sent.length}`)
})

test('while a partition has no leader, what has a key waits for it, and what has none goes elsewhere', async () => {
  await using broker = await Broker.start({ nodes: 3 })
  await broker.createTopic('orders', { partitions: 3, replicas: 1 })
  const gone = await broker.leader('orders', 1)
  await broker.stopNode(gone)
  const brokers = broker.brokers
  const partitioner: PartitionerOption = ({ rawKey }) => (rawKey === null ? null : 1)
  await using keyed = new Producer({ brokers, partitioner, logLevel: 'silent' })
  const waiting = keyed.send({ topic: 'orders', key: 'k', value: null })
  const any = await keyed.sendBatch(range(50).map(() => ({ topic: 'orders', value: 'x'.repeat(10_000) })))
  assert.deepEqual([...new Set(any.map(result => (result as Delivery).partition))].toSorted(), [0, 2])
  for (const partitioner of ['round-robin', 'random', 'sticky'] as const) {
    await using keyless = new Producer({ brokers, partitioner, logLevel: 'silent' })
    const results = await keyless.sendBatch(range(30).map(() => ({ topic: 'orders', key: 'k', value: null })))
    for (const result of results) assert.notEqual((result as Delivery).partition, 1)
  }
  await broker.startNode(gone)
  assert.equal((await waiting).partition, 1)
})
