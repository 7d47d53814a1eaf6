import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerEnvironment } from '../../src/consumer/consumer.ts'
import {
  batch,
  type Clock,
  Consumer,
  type ConsumerOptions,
  constant,
  type Message,
  systemClock,
} from '../../src/index.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const HOUR = 3_600_000
const topics = new WrittenTopics()

function consumerOf(topic: string, options: Partial<ConsumerOptions> = {}, environment: ConsumerEnvironment = {}) {
  const own = { brokers: topics.broker.brokers, logger: quiet, group: topic, offsets: { commitIntervalMs: 20 } }
  return new Consumer({ ...own, ...options }, environment)
}

test('what a filter leaves out is done: no handler and no serde sees it, it takes no place, and it is committed', async () => {
  const topic = await topics.make(
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
  const topic = await topics.make([{ value: 'a' }, { value: 'b' }, { value: 'c' }])
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
  const topic = await topics.make([
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

/** A clock that can be set. */
function settableClock() {
  let skew = 0
  return {
    clock: {
      now: () => systemClock.now(),
      wallTime: () => systemClock.wallTime() + skew,
      after: (ms: number, fn: () => void) => systemClock.after(ms, fn),
      every: (ms: number, fn: () => void) => systemClock.every(ms, fn),
      soon: (fn: () => void) => systemClock.soon(fn),
    } satisfies Clock,
    set: (ms: number) => {
      skew = ms
    },
  }
}

test('what became too old while it waited behind its key, or for its next attempt, is done without its handler', async () => {
  const topic = await topics.make(['a', 'b'].map(value => ({ key: 'k', value, timestamp: Date.now() })))
  const { clock, set } = settableClock()
  const handled: string[] = []
  const work = { expireAfterMs: 3_600_000, attempts: 100, backoff: constant(1) }
  const consumer = consumerOf(topic, { work }, { clock }).topic({ topic, partitions: [0] }, ({ value }) => {
    handled.push(String(value))
    if (handled.length === 3) set(3_600_001)
    throw new Error('not yet')
  })
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 2)
  assert.deepEqual(handled, ['a', 'a', 'a'])
  assert.equal(consumer.state().work.skipped, 0)
})

test('a batch is handed over without what became too old in it, and not at all when that is everything', async () => {
  const now = Date.now()
  const topic = await topics.make(
    ['a', 'b', 'c'].map((value, at) => ({ key: value, value, timestamp: now - (10 - 5 * at) * HOUR })),
  )
  const { clock, set } = settableClock()
  const handled: string[][] = []
  const work = { order: 'none', expireAfterMs: 24 * HOUR, attempts: 100, backoff: constant(1) } as const
  const consumer = consumerOf(topic, { work }, { clock }).topic(
    { topic, partitions: [0] },
    batch({ messages: 3, lingerMs: 60_000 }, messages => {
      handled.push(messages.map(({ value }) => String(value)))
      set(handled.length === 1 ? 15 * HOUR : 48 * HOUR)
      throw new Error('not yet')
    }),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 3)
  assert.deepEqual(handled, [
    ['a', 'b', 'c'],
    ['b', 'c'],
  ])
})

test('what became too old while a circuit was open is no probe of it: the next message that is handled is', async () => {
  const now = Date.now()
  const topic = await topics.make(
    ['old', 'new'].map((value, at) => ({ key: value, value, timestamp: now + at * HOUR })),
  )
  const { clock, set } = settableClock()
  const phases: (string | undefined)[] = []
  const breaker = { failures: 1, pauseMs: 100 }
  const work = {
    concurrency: 1,
    expireAfterMs: HOUR,
    attempts: 1,
    backoff: constant(1),
    breaker,
    onFailure: 'hold',
  } as const
  const consumer = consumerOf(topic, { work }, { clock }).topic({ topic, partitions: [0] }, ({ value }) => {
    phases.push(consumer.state().circuits[0]?.phase)
    if (String(value) === 'new') return
    set(HOUR + 60_000)
    throw new Error('the database is down')
  })
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 2)
  assert.deepEqual(phases, [undefined, 'half-open'])
})

test('a handler may say of the messages that did not become too old what became of them', async () => {
  const now = Date.now()
  const topic = await topics.make(
    ['a', 'b', 'c'].map((value, at) => ({ value, timestamp: now - (30 - 10 * at) * HOUR })),
  )
  const answers: boolean[] = []
  const work = { order: 'none', expireAfterMs: 25 * HOUR, attempts: 1, onFailure: 'skip' } as const
  const consumer = consumerOf(topic, { work }).topic(
    { topic, partitions: [0] },
    batch({ messages: 2, lingerMs: 60_000 }, batch => {
      const [b, c] = batch
      if (b !== undefined && c !== undefined) answers.push(batch.done(b), batch.fail(c, new Error('no')))
    }),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 3)
  assert.deepEqual([answers, consumer.state().work.skipped], [[true, true], 1])
})

test('of a batch that fails for good, what became too old is done, and nobody is asked about it', async () => {
  const now = Date.now()
  const topic = await topics.make(
    ['old', 'new'].map((value, at) => ({ key: value, value, timestamp: now - (10 - 5 * at) * HOUR })),
  )
  const { clock, set } = settableClock()
  const asked: string[] = []
  const onFailure = ({ message }: { message: Message<unknown, unknown> }) => {
    asked.push(String(message.rawValue))
    return 'skip' as const
  }
  const work = { order: 'none', expireAfterMs: 24 * HOUR, timeoutMs: 50, abandonMs: 10, onFailure } as const
  const deserialize = (bytes: Buffer | null) => {
    set(15 * HOUR)
    return bytes
  }
  const consumer = consumerOf(topic, { work }, { clock }).topic(
    { topic, partitions: [0] },
    { value: { deserialize } },
    batch({ messages: 2, lingerMs: 60_000 }, () => new Promise(() => {})),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 2)
  assert.deepEqual([asked, consumer.state().work.skipped], [['new'], 1])
})
