import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { Consumer, type ConsumerOptions, PartitionLost, type Truncated } from '../../src/index.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const route = { topic: 'orders', partitions: [0] }
const place = { topic: 'orders', partition: 0 }

/** A cluster with the topic `orders`, which has ten messages. */
async function clusterOf(nodes: 1 | 3 = 1) {
  const broker = await Broker.start({ nodes, topics: { orders: { partitions: 1, replicas: nodes } } })
  const producer = new TestProducer(broker.brokers)
  const write = (count: number) => producer.write('orders', new Array(count).fill({ value: 'x' }), {})
  await write(10)
  const committed = async () => (await broker.committed('shop'))[0]?.offset ?? -1
  return { broker, write, committed, [Symbol.asyncDispose]: () => broker.close() }
}

function optionsOf(broker: Broker, rest: Partial<ConsumerOptions> = {}): ConsumerOptions {
  const { brokers } = broker
  return { brokers, group: 'shop', logLevel: 'silent', offsets: { commitIntervalMs: 20 }, ...rest }
}

/** The leader says that its log parts from what was read at this offset. */
function truncateAt(broker: Broker, endOffset: number) {
  return broker.fault({
    api: 'OffsetForLeaderEpoch',
    count: 1,
    action: {
      reply: ({ topics = [] }) => ({
        topics: topics.map(({ topic = '', partitions = [] }) => ({
          topic,
          partitions: partitions.map(({ partition = 0 }) => ({ partition, leaderEpoch: 0, endOffset })),
        })),
      }),
    },
  })
}

/** Leader epochs of the commits, as they were asked for. */
function commitsOf(broker: Broker): () => string[] {
  const commits: string[] = []
  const when = ({ body }: { body: { topics: readonly { partitions: readonly object[] }[] } }) => {
    for (const partition of body.topics.flatMap(({ partitions }) => partitions)) {
      const { committedOffset, committedLeaderEpoch } = partition as Record<string, number>
      commits.push(`${committedOffset}@${committedLeaderEpoch}`)
    }
    return true
  }
  broker.fault({ api: 'OffsetCommit', when, action: { observe: true } })
  return () => commits
}

async function readAll(broker: Broker, committed: () => Promise<number>, end = 10): Promise<void> {
  const consumer = new Consumer(optionsOf(broker)).topic(route, () => {})
  await using _ = running(consumer)
  await until('all is committed', async () => (await committed()) === end)
}

test('a commit has the leader epoch of the last message that is done, before and after a restart', async () => {
  await using cluster = await clusterOf(3)
  const { broker, write, committed } = cluster
  await broker.moveLeader('orders', 0)
  await write(5)
  const commits = commitsOf(broker)
  let mended = false
  const handle = ({ offset }: { offset: number }) => {
    if (offset === 10 && !mended) throw new Error('not yet')
  }
  const work = { attempts: 1, onFailure: 'leave', redeliverMs: 60_000 } as const
  {
    const consumer = new Consumer(optionsOf(broker, { work })).topic(route, handle)
    await using _ = running(consumer)
    await until('what can be is committed', async () => (await committed()) === 10)
  }
  assert.equal(commits().at(-1), '10@0')
  mended = true
  await readAll(broker, committed, 15)
  assert.equal(commits().at(-1), '15@1')
  const checks = broker.fault({ api: 'OffsetForLeaderEpoch', action: { observe: true } })
  await broker.moveLeader('orders', 0)
  const consumer = new Consumer(optionsOf(broker)).topic(route, () => {})
  await using _ = running(consumer)
  await checks.hit()
  await write(1)
  await until('the next is committed', async () => (await committed()) === 16)
  assert.equal(commits().at(-1), '16@2')
})

test('a log that was truncated is told, and its end is committed before any message is handled', async () => {
  await using cluster = await clusterOf(3)
  const { broker, committed } = cluster
  await readAll(broker, committed)
  truncateAt(broker, 6)
  const told: Truncated[] = []
  let steps: string[] = []
  const consumer = new Consumer(optionsOf(broker)).topic(route, ({ offset }) => void steps.push(`handle ${offset}`))
  consumer.on('truncated', event => told.push(event))
  consumer.on('committed', ([one]) => steps.push(`commit ${one?.offset}`))
  await using run = running(consumer)
  await until('all is committed again', () => steps.at(-1) === 'commit 10')
  assert.deepEqual(told, [{ ...place, position: 10, endOffset: 6, leaderEpoch: 0 }])
  assert.deepEqual(steps.slice(0, 5), ['commit 6', 'handle 6', 'handle 7', 'handle 8', 'handle 9'])

  // While it is read.
  steps = []
  truncateAt(broker, 8)
  await broker.moveLeader('orders', 0)
  await until('all is committed again', () => steps.at(-1) === 'commit 10')
  assert.equal(told.length, 2)
  assert.deepEqual(steps.slice(0, 3), ['commit 8', 'handle 8', 'handle 9'])
  assert.equal(run.error, null)
})

test('a log that is truncated while it is read loses no message below that is not done', async () => {
  await using cluster = await clusterOf(3)
  const { broker, write, committed } = cluster
  const seen: number[] = []
  const lost: unknown[] = []
  const consumer = new Consumer(optionsOf(broker)).topic(route, ({ offset }, { signal }) => {
    seen.push(offset)
    if (offset !== 2 || seen.filter(each => each === 2).length > 1) return
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        lost.push(signal.reason)
        reject(signal.reason)
      })
    })
  })
  const told: Truncated[] = []
  consumer.on('truncated', event => told.push(event))
  await using run = running(consumer)
  await until('the others are done', () => seen.length === 10)
  await until('what can be is committed', async () => (await committed()) === 2)
  truncateAt(broker, 6)
  await broker.moveLeader('orders', 0)
  await until('it is told', () => told.length > 0)
  await write(2)
  await until('all is committed', async () => (await committed()) === 12)
  assert.deepEqual(told, [{ ...place, position: 10, endOffset: 6, leaderEpoch: 0 }])
  assert.deepEqual(
    seen.slice(10).sort((a, b) => a - b),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  )
  assert.ok(lost[0] instanceof PartitionLost)
  assert.equal(run.error, null)
})

test('a policy that goes back behind what was handled begins there again', async () => {
  await using cluster = await clusterOf()
  const { broker, committed } = cluster
  const seen: number[] = []
  const fetch = { onOutOfRange: 'earliest', maxWaitMs: 50 } as const
  const consumer = new Consumer(optionsOf(broker, { fetch })).topic(route, ({ offset }) => void seen.push(offset))
  await using run = running(consumer)
  await until('all is committed', async () => (await committed()) === 10)
  broker.fault({ api: 'Fetch', ...place, count: 1, action: { error: 'OFFSET_OUT_OF_RANGE' } })
  await until('all come again', () => seen.length === 20 || run.error !== null)
  assert.equal(run.error, null)
  assert.deepEqual(seen.slice(10), seen.slice(0, 10))
})

test('a topic that was created again is another one also for brokers that are asked by name', async () => {
  await using cluster = await clusterOf()
  const { broker, write, committed } = cluster
  broker.fault({
    api: 'ApiVersions',
    action: {
      reply: answer => ({
        ...answer,
        apiKeys: (answer.apiKeys ?? []).map(each => (each.apiKey === 1 ? { ...each, maxVersion: 12 } : each)),
      }),
    },
  })
  let seen: number[] = []
  const fetch = { maxWaitMs: 50 }
  const consumer = new Consumer(optionsOf(broker, { fetch })).topic(route, ({ offset }) => void seen.push(offset))
  await using run = running(consumer)
  await until('all is committed', async () => (await committed()) === 10)
  seen = []
  await broker.deleteTopic('orders')
  await broker.createTopic('orders', { partitions: 1 })
  await write(4)
  await until('the new ones are handled', () => seen.length === 4 || run.error !== null)
  assert.equal(run.error, null)
  await until('they are committed', async () => (await committed()) === 4)
  assert.deepEqual(seen, [0, 1, 2, 3])
})

test('a member of a group keeps the partition of a topic that is created again, from its start', async () => {
  await using cluster = await clusterOf()
  const { broker, write, committed } = cluster
  let seen: number[] = []
  const told: string[] = []
  const options = optionsOf(broker, { fetch: { maxWaitMs: 50 }, offsets: { commitIntervalMs: 20, start: 'earliest' } })
  const consumer = new Consumer(options).topic('orders', ({ offset }) => void seen.push(offset))
  for (const event of ['assigned', 'revoked', 'lost'] as const) consumer.on(event, () => told.push(event))
  await using run = running(consumer)
  await until('all is committed', async () => (await committed()) === 10)
  seen = []
  await broker.deleteTopic('orders')
  await broker.createTopic('orders', { partitions: 1 })
  await write(4)
  await until('the new ones are committed', async () => (await committed()) === 4 || run.error !== null)
  assert.equal(run.error, null)
  assert.deepEqual(seen, [0, 1, 2, 3])
  assert.deepEqual(told, ['assigned', 'lost', 'assigned'])
})

test('nothing is committed for a topic that is created again while its consumer closes', async () => {
  await using cluster = await clusterOf()
  const { broker, committed } = cluster
  const warnings: string[] = []
  const quiet = () => {}
  const logger = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (_: object, message: string) => warnings.push(message),
  }
  const { logLevel: _, ...options } = optionsOf(broker, { fetch: { maxWaitMs: 50 }, logger })
  const handled = Promise.withResolvers<void>()
  const consumer = new Consumer(options).topic(route, ({ offset }) => (offset === 9 ? handled.promise : undefined))
  let assigned = 0
  consumer.on('assigned', () => assigned++)
  await using run = running(consumer)
  await until('all but one are committed', async () => (await committed()) === 9)
  const closed = consumer.close({ drainMs: 30_000 })
  await broker.deleteTopic('orders')
  await broker.createTopic('orders', { partitions: 1 })
  await until('it is noticed', () => warnings.some(message => message.includes('created anew')))
  handled.resolve()
  await closed
  await run.ended
  assert.deepEqual(await broker.committed('shop'), [])
  assert.equal(assigned, 1)
})
