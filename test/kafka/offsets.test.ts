import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import type { Logger } from '../../src/base/logger.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import { Consumer } from '../../src/index.ts'
import { OffsetError } from '../../src/offsets/error.ts'
import { KafkaOffsetStorage } from '../../src/offsets/kafka-storage.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import { startJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const PARTITIONS = 300

let cluster: KafkaCluster
let client: NativeClient

before(async () => {
  // Kafka 3.9 has the consumer protocol (KIP-848) switched off unless told.
  const config = { 'group.coordinator.rebalance.protocols': 'classic,consumer' }
  cluster = await KafkaCluster.start({ topics: { orders: 3, bills: 1, many: PARTITIONS }, config })
  client = new NativeClient({ brokers: cluster.brokers, logger: silent })
})

after(async () => {
  await client?.close()
  await cluster?.close()
})

const storageOf = (group: string) =>
  new KafkaOffsetStorage({ client, group, clock: systemClock, random: Math.random, logger: silent })

const at = (topic: string, partition: number, offset: number, metadata = ''): CommittedOffset => {
  return { topic, partition, offset, leaderEpoch: -1, metadata }
}

/** Kafka's console consumer as a member of the group, until it is ended. */
async function member(group: string, protocol: 'classic' | 'consumer') {
  const args = ['--bootstrap-server', cluster.brokers.join(), '--topic', 'orders', '--group', group]
  const properties = [
    '--consumer-property',
    `group.protocol=${protocol}`,
    '--consumer-property',
    'client.id=java-member',
  ]
  const process = await startJava('org.apache.kafka.tools.consumer.ConsoleConsumer', [...args, ...properties], {
    version: cluster.version,
  })
  process.stdout.resume()
  let errors = ''
  process.stderr.on('data', chunk => {
    errors += chunk
  })
  const ended = new Promise(resolve => process.on('close', resolve))
  return {
    alive: () => assert.equal(process.exitCode, null, errors),
    async [Symbol.asyncDispose]() {
      process.kill('SIGTERM')
      await ended
    },
  }
}

async function outcome(promise: Promise<unknown>): Promise<OffsetError | null> {
  return promise.then(
    () => null,
    error => error,
  )
}

test('what is committed is what is loaded, and what Kafka itself reports', async () => {
  const storage = storageOf('shop')
  await storage.refuseLiveGroup()
  const offsets = [at('orders', 0, 12, 'gaps: ä'), at('orders', 2, 5), at('bills', 0, 7)]
  const committed = await storage.commit(offsets)
  assert.deepEqual(
    committed.map(({ error }) => error),
    [null, null, null],
  )
  const loaded = await storage.load([...offsets, { topic: 'orders', partition: 1 }])
  assert.deepEqual(
    loaded.map(({ committed, error }) => [committed, error]),
    [...offsets.map(offset => [offset, null]), [null, null]],
  )
  assert.deepEqual(
    (await cluster.committed('shop'))
      .map(({ topic, partition, offset, metadata }) => ({ ...at(topic, partition, offset, metadata) }))
      .sort(byPlace),
    [...offsets].sort(byPlace),
  )
  await storage.refuseLiveGroup()
})

function byPlace(a: CommittedOffset, b: CommittedOffset): number {
  return a.topic.localeCompare(b.topic) || a.partition - b.partition
}

test('a leader epoch is kept', async () => {
  const storage = storageOf('epochs')
  await storage.commit([{ ...at('orders', 0, 3), leaderEpoch: 0 }])
  assert.equal((await storage.load([at('orders', 0, 0)]))[0]?.committed?.leaderEpoch, 0)
})

test('one bad partition does not fail the others', async () => {
  const storage = storageOf('mixed')
  const results = await storage.commit([at('orders', 0, 1, 'x'.repeat(5_000)), at('orders', 1, 2), at('nowhere', 0, 3)])
  assert.deepEqual(
    results.map(({ error }) => error?.code),
    ['OFFSET_METADATA_TOO_LARGE', undefined, 'UNKNOWN_TOPIC_OR_PARTITION'],
  )
  assert.equal((await storage.load([at('orders', 1, 0)]))[0]?.committed?.offset, 2)
})

test('more metadata than a broker can write at once is committed', async () => {
  const storage = storageOf('large')
  const offsets = Array.from({ length: PARTITIONS }, (_, i) => at('many', i, i + 1, 'm'.repeat(4_000)))
  const results = await storage.commit(offsets)
  assert(results.every(({ error }) => error === null))
  const loaded = await storage.load(offsets)
  assert(loaded.every(({ partition, committed }) => committed?.offset === partition + 1))
})

for (const protocol of ['classic', 'consumer'] as const) {
  test(`a group with live members of the ${protocol} protocol is refused until they are gone`, async () => {
    const group = `taken-${protocol}`
    const storage = storageOf(group)
    assert.equal((await storage.commit([at('bills', 0, 1)]))[0]?.error, null)
    {
      await using java = await member(group, protocol)
      let refused: OffsetError | null = null
      while (!/java-member/.test(refused?.message ?? '')) {
        java.alive()
        await delay(100)
        refused = await outcome(storage.refuseLiveGroup())
      }
      assert.equal(refused?.code, 'GROUP_HAS_MEMBERS')
      assert.match(
        String(refused?.message),
        new RegExp(`${group} .*${protocol} protocol.*java-member at 127\\.0\\.0\\.1`),
      )
      const late = await outcome(storage.commit([at('bills', 0, 2)]))
      assert(late instanceof OffsetError)
      assert.equal(late.code, 'GROUP_HAS_MEMBERS')
      assert.equal(late.fatal, true)
    }
    while ((await outcome(storage.refuseLiveGroup())) !== null) await delay(100)
    assert.equal((await storage.load([at('bills', 0, 0)]))[0]?.committed?.offset, 1)
    assert.equal((await storage.commit([at('bills', 0, 3)]))[0]?.error, null)
  })
}

test('a commit survives the restart of its coordinator', async () => {
  const storage = storageOf('restart')
  await storage.commit([at('orders', 0, 1)])
  const restarting = cluster.restart(1)
  let offset = 1
  let error: unknown = null
  while (error === null && offset < 100_000) {
    const [result] = await storage.commit([at('orders', 0, offset + 1)])
    error = result?.error ?? null
    if (error === null) offset++
    const done = await Promise.race([restarting.then(() => true), delay(20, false)])
    if (done) break
  }
  await restarting
  assert.equal(error, null)
  assert.equal((await storage.load([at('orders', 0, 0)]))[0]?.committed?.offset, offset)
})

test('a consumer whose group gets members stops, and says why', async () => {
  const consumer = new Consumer({
    brokers: cluster.brokers,
    group: 'invaded',
    logLevel: 'silent',
    offsets: { commitIntervalMs: 50 },
  }).topic({ topic: 'orders', partitions: [0] }, () => {})
  const ended = consumer.run().then(
    () => null,
    (error: unknown) => error,
  )
  await once(consumer, 'committed')
  await using _ = await member('invaded', 'classic')
  // Each of these moves the position, so that there is something to commit.
  const writing = setInterval(() => void cluster.write('orders', [{ value: 'x', partition: 0 }]), 100)
  const error = await ended
  clearInterval(writing)
  assert.ok(error instanceof OffsetError, String(error))
  assert.equal(error.code, 'GROUP_HAS_MEMBERS')
  assert.match(error.message, /invaded/)
  const late = new Consumer({ brokers: cluster.brokers, group: 'invaded', logLevel: 'silent' }).topic(
    { topic: 'orders', partitions: [0] },
    () => {},
  )
  await assert.rejects(late.run(), { code: 'GROUP_HAS_MEMBERS' })
})
