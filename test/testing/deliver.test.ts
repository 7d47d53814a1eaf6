import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  constant,
  deadLetter,
  json,
  OptionError,
  Poison,
  Retry,
  retryTopic,
  string,
} from '../../src/index.ts'
import { deliver, HeldClock } from '../../src/testing/index.ts'

/** No broker is there. */
const shopOf = (work: ConsumerOptions['work'] = {}) =>
  new Consumer({ brokers: ['127.0.0.1:1'], group: 'shop', work: { attempts: 2, backoff: constant(60_000), ...work } })

test('routes run without a broker: serdes, headers, patterns, and what would be committed', async () => {
  const seen: unknown[] = []
  const shop = shopOf()
    .topic('orders', { value: json() }, ({ value, key, headers, partition }) => {
      seen.push([(value as { id: number }).id, String(key), String(headers.get('trace')), partition])
    })
    .topic(/^audit\./, ({ topic }) => void seen.push(topic))
  const { handled, failed, committed, undone, error, elapsedMs } = await deliver(shop, [
    { topic: 'orders', key: '1', value: { id: 1 }, headers: { trace: 'a' } },
    { topic: 'orders', key: '2', value: '{"id":2}', partition: 1 },
    { topic: 'audit.logins', value: 'x' },
  ])
  assert.deepEqual(seen.sort(), [[1, '1', 'a', 0], [2, '2', 'undefined', 1], 'audit.logins'].sort())
  assert.deepEqual([handled.length, failed, undone, error], [3, [], 0, null])
  assert.ok(elapsedMs < 10_000, `${elapsedMs} ms`)
  assert.deepEqual(committed.map(({ topic, partition, offset }) => `${topic}[${partition}] ${offset}`).sort(), [
    'audit.logins[0] 1',
    'orders[0] 1',
    'orders[1] 1',
  ])
  assert.equal(shop.state().status, 'idle')
})

test('attempts and their waits take no real time, and are counted', async () => {
  let calls = 0
  const shop = shopOf({ attempts: 5 }).topic('orders', () => {
    calls++
    if (calls === 1) throw new Error('not yet')
    if (calls === 2) throw new Retry({ afterMs: 120_000 })
  })
  const clock = new HeldClock(0, Date.parse('2026-01-31T12:00:00Z'))
  const began = performance.now()
  const { handled, elapsedMs, committed } = await deliver(shop, [{ topic: 'orders', value: 'x' }], { clock })
  assert.ok(performance.now() - began < 30_000)
  assert.deepEqual([calls, handled[0]?.attempt, committed[0]?.offset], [3, 3, 1])
  assert.ok(elapsedMs >= 180_000 && elapsedMs < 190_000, `${elapsedMs}`)
  assert.equal(handled[0]?.message.timestamp, Date.parse('2026-01-31T12:00:00Z'))
  assert.equal(clock.timers, 0)
})

test('what fails is decided as the options say; dead letters and retry topics are written and read', async () => {
  const later = retryTopic([{ delayMs: 5_000 }], deadLetter('orders.dlq'))
  const topics: string[] = []
  const shop = shopOf({ onFailure: later, attempts: 1 }).topic('orders', ({ topic, value }) => {
    topics.push(topic)
    if (String(value) === 'poison') throw new Poison('never')
    if (String(value) === 'bad' || topic === 'orders') throw new Error('no')
  })
  const values = ['poison', 'bad', 'passing']
  const { handled, failed, deadLettered, written, undone } = await deliver(
    shop,
    values.map(value => ({ topic: 'orders', key: value, value })),
  )
  assert.deepEqual(topics, ['orders', 'orders', 'orders', 'shop.orders.retry.1', 'shop.orders.retry.1'])
  assert.deepEqual(
    handled.map(({ message }) => String(message.value)),
    ['passing'],
  )
  assert.deepEqual(
    failed.map(({ decision }) => decision),
    ['skip', 'skip', 'skip', 'skip'],
  )
  assert.deepEqual(
    deadLettered.map(({ topic, value }) => [topic, String(value)]),
    [
      ['orders.dlq', 'poison'],
      ['orders.dlq', 'bad'],
    ],
  )
  assert.equal(String(deadLettered[1]?.headers.get('millrace.attempts')), '2')
  assert.deepEqual([written.length, undone], [4, 0])
})

test('what is held, left, or not through when the time is over is undone, and not committed', async () => {
  const shop = shopOf({ attempts: 1 })
    .topic('orders', { work: { onFailure: 'hold' } }, ({ offset }) => {
      if (offset === 1) throw new Error('down')
    })
    .topic('mails', { work: { timeoutMs: 50, abandonMs: 50, onFailure: 'leave' } }, () => new Promise(() => {}))
  const { handled, failed, committed, undone } = await deliver(
    shop,
    [...['a', 'b', 'b', 'c'].map(key => ({ topic: 'orders', key, value: 'x' })), { topic: 'mails', value: 'x' }],
    { maxMs: 5_000 },
  )
  assert.deepEqual(
    handled.map(({ message }) => message.offset),
    [0, 3],
  )
  assert.deepEqual(
    new Set(failed.map(({ reason, decision }) => `${reason} ${decision}`)),
    new Set(['error hold', 'abandoned leave']),
  )
  assert.equal(undone, 3)
  assert.equal(committed.find(({ topic }) => topic === 'orders')?.offset, 1)
})

test('a decision to stop is told, and what is behind the message is not handled', async () => {
  const shop = shopOf({ attempts: 1, concurrency: 1 }).topic('orders', ({ offset }) => {
    if (offset === 1) throw new Error('no')
  })
  const { handled, error, committed } = await deliver(
    shop,
    [0, 1, 2].map(n => ({ topic: 'orders', value: String(n) })),
  )
  assert.deepEqual([handled.length, committed[0]?.offset], [1, 1])
  assert.match(String(error?.message), /orders\[0\].*offset 1/)
})

test('batches are handed over as their limits say', async () => {
  const sizes: number[] = []
  const shop = shopOf({ order: 'none' }).topic(
    'audit',
    batch({ messages: 3, lingerMs: 30_000 }, messages => void sizes.push(messages.length)),
  )
  const { handled, elapsedMs } = await deliver(
    shop,
    Array.from({ length: 7 }, () => ({ topic: 'audit', value: 'x' })),
  )
  assert.deepEqual([sizes, handled.length], [[3, 3, 1], 7])
  assert.ok(elapsedMs >= 30_000)
})

test('of a batch, each message counts as handled when it is done, whoever else fails', async () => {
  const shop = shopOf({ attempts: 2, onFailure: 'skip' }).topic(
    'audit',
    { value: string },
    batch({ messages: 6, lingerMs: 10 }, (batch, { attempt }) => {
      for (const message of batch) if (message.value === 'flaky' && attempt === 1) batch.fail(message, new Error('no'))
      if (batch.some(({ value }) => value === 'poison')) throw new Error('never')
    }),
  )
  const { handled, failed, committed } = await deliver(
    shop,
    ['a', 'flaky', 'b', 'poison', 'c', 'behind'].map(value => {
      return { topic: 'audit', value, key: value === 'flaky' || value === 'behind' ? 'k' : null }
    }),
  )
  const values = handled.map(({ message }) => message.value)
  assert.deepEqual(values.toSorted(), ['a', 'b', 'behind', 'c', 'flaky'])
  assert.ok(values.indexOf('flaky') < values.indexOf('behind'))
  assert.deepEqual(
    failed.map(({ message }) => message.value),
    ['poison'],
  )
  assert.equal(committed[0]?.offset, 6)
})

test('batches of a route mix what is delivered to its partitions', async () => {
  const sizes: number[] = []
  const shop = shopOf({ order: 'none' }).topic(
    ['audit', 'orders'],
    batch({ by: 'route', messages: 3, lingerMs: 60_000 }, batch => void sizes.push(batch.length)),
  )
  const { handled, undone } = await deliver(shop, [
    { topic: 'audit', value: 'x' },
    { topic: 'audit', value: 'x', partition: 1 },
    { topic: 'orders', value: 'x' },
  ])
  assert.deepEqual([sizes, handled.length, undone], [[3], 3, 0])
})

test('a topic without a route, and what is no consumer, is an error', async () => {
  const shop = shopOf().topic('orders', () => {})
  await assert.rejects(
    deliver(shop, [{ topic: 'order' }]),
    new OptionError('no route of the consumer reads the topic order'),
  )
  await assert.rejects(deliver({} as Consumer, []), /deliver needs a Consumer, not an object/)
  await assert.rejects(deliver(shop, [{ topic: 'orders', partition: -1 }]), OptionError)
  await assert.rejects(deliver(shop, [{ topic: 'orders', value: () => {} }]), /has no JSON/)
})

test('what handlers send in transactions is written, but for attempts that fail', async () => {
  const shop = new Consumer({
    brokers: ['127.0.0.1:1'],
    group: 'shop',
    work: { transaction: true, attempts: 2, backoff: constant(60_000) },
  }).topic('orders', ({ key, value }, { send, attempt }) => {
    send({ topic: 'invoices', key, value: `${value} in attempt ${attempt}` })
    if (attempt === 1) throw new Error('no')
  })
  const { written, committed, undone, error } = await deliver(
    shop,
    ['a', 'b'].map(value => ({ topic: 'orders', key: value, value })),
  )
  assert.deepEqual(
    written.filter(({ topic }) => topic === 'invoices').map(({ key, value }) => `${key}: ${value}`),
    ['a: a in attempt 2', 'b: b in attempt 2'],
  )
  assert.deepEqual([committed[0]?.offset, undone, error], [2, 0, null])
})
