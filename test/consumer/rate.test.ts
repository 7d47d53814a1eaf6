import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  constant,
  type RateOptions,
  retryTopic,
  type Stalled,
} from '../../src/index.ts'
import { deliver, HeldClock } from '../../src/testing/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const HOUR = 3_600_000
const topics = new WrittenTopics()

for (const [what, work, cause] of [
  ['its route', { rate: { messages: 1, perMs: HOUR } }, /^work\.rate lets the next message start at 20/],
  [
    'its key',
    { keyRate: { messages: 1, perMs: HOUR } },
    /^1 to start at the rate of their key; the first to come, offset 1, at 20/,
  ],
] as const) {
  test(`a partition that waits for the rate of ${what} says so, is not stalled, and closes without waiting for it`, async () => {
    const topic = await topics.make(Array.from({ length: 3 }, () => ({ key: 'k', value: 'x' })))
    const other = await topics.make([{ value: 'x' }])
    const failing = Promise.withResolvers<void>()
    const consumer = new Consumer({ brokers: topics.broker.brokers, logger: quiet, stallAfterMs: 100 })
      .topic({ topic, partitions: [0] }, { work }, () => {})
      .topic({ topic: other, partitions: [0] }, { work: { backoff: constant(HOUR) } }, () => failing.promise)
    const told: Stalled[] = []
    consumer.on('stalled', event => told.push(event))
    await using _ = running(consumer)
    const state = () => consumer.state().partitions.find(each => each.topic === topic)
    const wait = () => state()?.waitsFor.find(({ for: reason }) => reason === 'rate')
    await until('it waits for its rate', () => wait() !== undefined)
    assert.match(wait()?.cause ?? '', cause)
    assert.deepEqual([state()?.done, consumer.state().work.done], [1, 1])
    failing.reject(new Error('no'))
    await until('a partition is stalled that stands still for less long', () => told.length > 0)
    assert.deepEqual([told.map(each => each.topic), state()?.stalledSince], [[other], null])
    assert.deepEqual(await consumer.close(), { drained: true, undone: 0 })
  })
}

/** No broker is there. */
const shopOf = (work: ConsumerOptions['work'] = {}) =>
  new Consumer({ brokers: ['127.0.0.1:1'], group: 'shop', work: { backoff: constant(0), ...work } })

/** At least so much time is between any of these and the next. */
function assertApart(times: readonly number[], ms: number): void {
  for (const [at, time] of times.entries()) {
    const before = times[at - 1]
    // Timers have whole milliseconds.
    if (before !== undefined) assert.ok(time - before >= ms - 1, `${time - before} ms`)
  }
}

test('deliver keeps the rates of routes, in no real time', async () => {
  const clock = new HeldClock()
  const times: number[] = []
  const shop = shopOf({ rate: { messages: 6, perMs: 60_000 } }).topic('orders', () => void times.push(clock.now()))
  const orders = Array.from({ length: 12 }, (_, n) => ({ topic: 'orders', key: `${n}`, partition: n % 3 }))
  const { handled, elapsedMs, undone } = await deliver(shop, orders, { clock })
  assert.deepEqual([handled.length, undone], [12, 0])
  assertApart(times, 10_000)
  assert.ok(elapsedMs >= 110_000 && elapsedMs < 200_000, `${elapsedMs}`)
  assert.equal(clock.timers, 0)
})

test('a key has one rate, in whichever partitions and topics of its route it is; other keys wait for none of it', async () => {
  const clock = new HeldClock()
  const calls: { key: string; time: number }[] = []
  const shop = shopOf({ keyRate: { messages: 1, perMs: 10_000 }, order: 'none' }).topic(/^orders/, ({ key }) => {
    calls.push({ key: String(key), time: clock.now() })
  })
  const places = ['orders', 'orders.old'].flatMap(topic => [0, 1, 2].map(partition => ({ topic, partition })))
  const orders = ['a', 'b', null].flatMap(key => places.map(place => ({ ...place, key })))
  const { handled, undone } = await deliver(shop, orders, { clock })
  assert.deepEqual([handled.length, undone], [18, 0])
  for (const key of ['a', 'b']) {
    assertApart(
      calls.filter(call => call.key === key).map(({ time }) => time),
      10_000,
    )
  }
  // One of each key, and all without one.
  assert.deepEqual(
    calls
      .map(({ key }) => key)
      .slice(0, 8)
      .toSorted(),
    ['a', 'b', ...new Array(6).fill('null')],
  )
})

test('each route has a rate of its own, which it shares with its retry topics', async () => {
  const clock = new HeldClock()
  const calls: { topic: string; time: number }[] = []
  const handle = ({ topic }: { topic: string }) => {
    calls.push({ topic, time: clock.now() })
    if (topic === 'orders') throw new Error('not yet')
  }
  const shop = shopOf({ attempts: 1, rate: { messages: 1, perMs: 10_000 } })
    .topic('orders', { work: { onFailure: retryTopic([{ delayMs: 1 }], 'skip') } }, handle)
    .topic('mails', handle)
  const messages = ['orders', 'orders', 'orders', 'mails', 'mails'].map(topic => ({ topic }))
  const { handled, undone } = await deliver(shop, messages, { clock })
  assert.deepEqual([handled.length, undone], [5, 0])
  const { mails = [], orders = [] } = Object.groupBy(calls, ({ topic }) => (topic === 'mails' ? 'mails' : 'orders'))
  assert.deepEqual([mails.length, orders.length], [2, 6])
  for (const those of [mails, orders]) {
    assertApart(
      those.map(({ time }) => time),
      10_000,
    )
  }
  assert.deepEqual(
    calls
      .map(({ topic }) => topic)
      .slice(0, 2)
      .toSorted(),
    ['mails', 'orders'],
  )
})

test('a batch counts as its messages: what it is above the burst is waited for before the next', async () => {
  const clock = new HeldClock()
  const batches: { size: number; time: number }[] = []
  const shop = shopOf({ rate: { messages: 1, perMs: 1_000 } }).topic(
    'orders',
    batch({ messages: 20 }, messages => void batches.push({ size: messages.length, time: clock.now() })),
  )
  const orders = Array.from({ length: 45 }, (_, n) => ({ topic: 'orders', key: `${n}` }))
  const { handled, undone } = await deliver(shop, orders, { clock })
  assert.deepEqual([handled.length, undone], [45, 0])
  assert.deepEqual(
    batches.map(({ size }) => size),
    [20, 20, 5],
  )
  assertApart(
    batches.map(({ time }) => time),
    20_000,
  )
})

describe('a wrong rate is named with what was expected', () => {
  const wrong = (work: unknown, expected: RegExp) =>
    assert.throws(() => shopOf(work as ConsumerOptions['work']), { code: 'INVALID_OPTION', message: expected })
  const cases: [unknown, RegExp][] = [
    [100, / must be an object, not 100$/],
    [{}, /\.messages must be a whole number from 1 to 1000000000, not undefined$/],
    [{ messages: 0.5 }, /\.messages must be a whole number from 1 to 1000000000, not 0\.5$/],
    [{ messages: 1, perMs: 0 }, /\.perMs must be a whole number from 1 to \d+, not 0$/],
    [{ messages: 1, burst: 0 }, /\.burst must be a whole number from 1 to 1000000000, not 0$/],
    [{ messages: 1, perSecond: 1 }, /\.perSecond is not an option; known here: messages, perMs, burst$/],
  ]
  for (const [rate, expected] of cases) {
    test(JSON.stringify(rate), () => {
      wrong({ rate }, new RegExp(`^work\\.rate${expected.source}`))
      wrong({ keyRate: rate }, new RegExp(`^work\\.keyRate${expected.source}`))
      assert.throws(() => shopOf().topic('a', { work: { rate: rate as RateOptions } }, () => {}), {
        message: new RegExp(`^topic\\('a'\\)\\.work\\.rate${expected.source}`),
      })
    })
  }

  test('a priority', () => {
    wrong({ priority: 0.5 }, /^work\.priority must be a whole number from -1000 to 1000, not 0\.5$/)
    wrong({ priority: 1_001 }, /^work\.priority must be a whole number from -1000 to 1000, not 1001$/)
  })

  test('a rate of keys, where there are batches', () => {
    const work = { keyRate: { messages: 1 } }
    const handler = batch({}, () => {})
    assert.throws(
      () => shopOf().topic('a', { work }, handler),
      /^OptionError: topic\('a'\)\.work\.keyRate does not go with batch/,
    )
    assert.throws(() => shopOf(work).topic('a', handler), /topic\('a'\)\.work\.rate does$/)
  })
})
