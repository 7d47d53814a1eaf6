import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  type Message,
  NativeClient,
  type RecordInput,
  writeBatch,
} from '../../src/index.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
let broker: Broker
let client: NativeClient
let made = 0

before(async () => {
  broker = await Broker.start({})
  client = new NativeClient({ brokers: broker.brokers, logger: quiet })
})
after(async () => {
  await client.close()
  await broker.close()
})

async function topicOf(records: readonly RecordInput[]): Promise<string> {
  const topic = `t${++made}`
  await broker.createTopic(topic, { partitions: 1 })
  await client.metadata([topic])
  const [written] = await client.produce([{ topic, partition: 0, records: writeBatch(records) }])
  assert.equal(written?.error ?? null, null)
  return topic
}

function consumerOf(topic: string, options: Partial<ConsumerOptions> = {}) {
  return new Consumer({
    brokers: broker.brokers,
    logger: quiet,
    group: topic,
    offsets: { commitIntervalMs: 20 },
    ...options,
  })
}

test('what a filter leaves out is done: no handler and no serde sees it, it takes no place, and it is committed', async () => {
  const topic = await topicOf(
    Array.from({ length: 3_000 }, (_, n) => ({ value: String(n), headers: { even: `${n % 2}` } })),
  )
  const handled: string[] = []
  const decoded: string[] = []
  const value = { deserialize: (bytes: Buffer | null) => decoded[decoded.push(String(bytes)) - 1] as string }
  const filter = ({ offset, headers }: Message) => offset >= 2_900 && String(headers.get('even')) === '0'
  const consumer = consumerOf(topic, { work: { concurrency: 1 } }).topic(
    { topic, partitions: [0] },
    { value, work: { filter } },
    ({ value }) => void handled.push(value),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 3_000)
  assert.deepEqual(
    handled,
    Array.from({ length: 50 }, (_, n) => String(2_900 + 2 * n)),
  )
  assert.deepEqual(decoded, handled)
  assert.equal(lag(consumer), 0)
  const { done, filtered, expired } = consumer.state().work
  assert.deepEqual({ done, filtered, expired }, { done: 3_000, filtered: 2_950, expired: 0 })
})

test('a filter that throws stops the consumer, and what it could not judge is neither handled nor committed', async () => {
  const topic = await topicOf([{ value: 'a' }, { value: 'b' }, { value: 'c' }])
  const handled: number[] = []
  const consumer = consumerOf(topic, {
    work: {
      filter: ({ offset }) => {
        if (offset === 1) throw new Error('the rules are not loaded')
        return true
      },
    },
  }).topic({ topic, partitions: [0] }, ({ offset }) => void handled.push(offset))
  await assert.rejects(consumer.run(), {
    code: 'FILTER',
    message: `work.filter failed for ${topic}[0] offset 1: the rules are not loaded; nothing was left out`,
  })
  assert.deepEqual(handled, [0])
  await using again = running(
    consumerOf(topic).topic({ topic, partitions: [0] }, ({ offset }) => void handled.push(offset)),
  )
  await until('the rest is handled', () => handled.length >= 3)
  assert.deepEqual([handled, again.error], [[0, 1, 2], null])
})

test('what is too old when it is taken is done without its handler; one without a timestamp is not', async () => {
  const now = Date.now()
  const topic = await topicOf([
    { value: 'old', timestamp: now - 60_000 },
    { value: 'new', timestamp: now },
    { value: 'none', timestamp: -1 },
  ])
  const handled: string[] = []
  const consumer = consumerOf(topic).topic(
    { topic, partitions: [0] },
    { work: { expireAfterMs: 30_000 } },
    ({ value }) => void handled.push(String(value)),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 3)
  assert.deepEqual(handled, ['new', 'none'])
  assert.deepEqual([consumer.state().work.expired, consumer.state().work.done], [1, 3])
})

test('what became too old while it waited behind its key, or for its next attempt, is done without its handler', async () => {
  const topic = await topicOf(['a', 'b'].map(value => ({ key: 'k', value, timestamp: Date.now() })))
  const handled: string[] = []
  const ages = { expireAfterMs: 400, attempts: 100, backoff: Object.assign(() => 20, { maxMs: 20 }) }
  const consumer = consumerOf(topic).topic({ topic, partitions: [0] }, { work: ages }, ({ value }) => {
    handled.push(String(value))
    throw new Error('not yet')
  })
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 2)
  assert.ok(handled.length > 1 && handled.every(value => value === 'a'), `${handled}`)
  assert.equal(consumer.state().work.skipped, 0)
})

test('a batch is handed over without what became too old in it, and not at all when that is everything', async () => {
  const topic = await topicOf([
    { value: 'a', timestamp: Date.now() - 300 },
    { value: 'b', timestamp: Date.now() + 60_000 },
  ])
  const handled: string[][] = []
  const consumer = consumerOf(topic, { work: { order: 'none' } }).topic(
    { topic, partitions: [0] },
    { work: { expireAfterMs: 500 } },
    batch({ messages: 10, lingerMs: 400 }, messages => void handled.push(messages.map(({ value }) => String(value)))),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 2)
  assert.deepEqual(handled, [['b']])
})
