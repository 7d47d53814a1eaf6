import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Consumer,
  type ConsumerOptions,
  deadLetter,
  type Message,
  OptionError,
  Poison,
  retryTopic,
} from '../../src/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const topics = new WrittenTopics()

function consumerOf(group: string, work: ConsumerOptions['work']): Consumer {
  const ownership = { heartbeatIntervalMs: 50 }
  return new Consumer({
    brokers: topics.broker.brokers,
    logger: quiet,
    group,
    ownership,
    offsets: { commitIntervalMs: 20 },
    work: { attempts: 1, ...work },
  })
}

/** `topic value` of each, with when it was handled. */
function recorder(bad: (message: Message) => boolean) {
  const calls: { what: string; at: number }[] = []
  const handle = (message: Message) => {
    calls.push({ what: `${message.topic} ${message.value}`, at: Date.now() })
    if (bad(message)) throw new Error(`no ${message.value}`)
  }
  return { calls, handle, names: () => calls.map(({ what }) => what) }
}

const committed = (consumer: Consumer, topic: string) =>
  consumer.state().partitions.find(each => each.topic === topic)?.committed

test('what fails waits in the topic of its tier, and the same handler gets it when it is due; the others do not wait', async () => {
  const topic = await topics.make(['a', 'b', 'c'].map(value => ({ key: 'k', value })))
  const onFailure = retryTopic([{ delayMs: 200 }, { delayMs: 100 }], 'stop', { create: true })
  const consumer = consumerOf(topic, { onFailure })
  const { calls, handle, names } = recorder(({ topic, value }) => String(value) === 'b' && !topic.endsWith('retry.2'))
  consumer.topic(topic, handle)
  await using _ = running(consumer)
  await until('it was handled in the end', () => names().includes(`${topic}.${topic}.retry.2 b`))
  await until('all is committed', () => committed(consumer, `${topic}.${topic}.retry.2`) === 1)
  assert.deepEqual(names(), [
    ...['a', 'b', 'c'].map(value => `${topic} ${value}`),
    `${topic}.${topic}.retry.1 b`,
    `${topic}.${topic}.retry.2 b`,
  ])
  const [, first, , second, third] = calls.map(({ at }) => at) as [number, number, number, number, number]
  assert.ok(second - first >= 199 && third - second >= 99, `${second - first} and ${third - second} ms`)
  assert.deepEqual([committed(consumer, topic), committed(consumer, `${topic}.${topic}.retry.1`)], [3, 1])
  assert.equal(consumer.state().work.kept, 2)
})

test('after the last tier it is decided, and a dead letter says where the message came from first, and all its attempts', async () => {
  const topic = await topics.make([{ key: 'k', value: 'x', headers: { trace: '1' } }], { partitions: 2 })
  const dead = `${topic}.dlq`
  const onFailure = retryTopic([{ delayMs: 1 }, { delayMs: 1 }], deadLetter(dead, { create: true }), { create: true })
  const consumer = consumerOf(topic, { onFailure, attempts: 2, backoff: Object.assign(() => 1, { maxMs: 1 }) })
  const { handle } = recorder(() => true)
  consumer.topic(topic, handle)
  const letters: Message[] = []
  await using _ = running(consumer)
  await until('it is kept', () => consumer.state().work.kept === 3)
  const reader = new Consumer({ brokers: topics.broker.brokers, logger: quiet }).topic(
    dead,
    message => void letters.push(message),
  )
  await using __ = running(reader)
  await until('it is read', () => letters.length === 1)
  const said = Object.fromEntries(letters[0]?.headers.raw.map(([name, value]) => [name, String(value)]) ?? [])
  const { trace, 'millrace.topic': from, 'millrace.offset': offset, 'millrace.attempts': attempts } = said
  assert.deepEqual({ trace, from, offset, attempts }, { trace: '1', from: topic, offset: '0', attempts: '6' })
  assert.equal('millrace.due' in said, false)
  const { topics: found } = await topics.client.metadata([
    `${topic}.${topic}.retry.1`,
    `${topic}.${topic}.retry.2`,
    dead,
  ])
  assert.deepEqual(
    [...found.values()].map(({ partitions }) => partitions.length),
    [2, 2, 2],
  )
})

test('while its next message is not due a partition waits for that, is not stalled, and what is committed stays below it', async () => {
  const topic = await topics.make([{ value: 'x' }])
  const retry = `${topic}.${topic}.retry.1`
  const work = { onFailure: retryTopic([{ delayMs: 3_600_000 }], 'skip', { create: true }) }
  const first = new Consumer({
    brokers: topics.broker.brokers,
    logger: quiet,
    group: topic,
    stallAfterMs: 100,
    offsets: { commitIntervalMs: 20 },
    work: { attempts: 1, ...work },
  })
  const { handle, calls } = recorder(() => true)
  let stalls = 0
  first.topic(topic, handle).on('stalled', () => stalls++)
  const place = () => first.state().partitions.find(each => each.topic === retry)
  {
    await using _ = running(first)
    await until('it waits', () => place()?.waitsFor.some(({ for: what }) => what === 'due') ?? false)
    const since = Date.now()
    await until('it could have stalled', () => Date.now() - since > 400)
    assert.deepEqual([stalls, place()?.done, place()?.lag], [0, 0, 1])
  }
  // Who owns it next waits for the same message.
  const second = consumerOf(topic, work).topic(topic, handle)
  await using _ = running(second)
  await until('it waits again', () =>
    second
      .state()
      .partitions.some(({ topic, waitsFor }) => topic === retry && waitsFor.some(wait => wait.for === 'due')),
  )
  assert.equal(calls.length, 1)
})

test('a retry topic that is missing ends the consumer before anything is handled', async () => {
  const topic = await topics.make([{ value: 'x' }])
  let handled = 0
  const consumer = consumerOf(topic, { onFailure: retryTopic([{ delayMs: 1 }], 'skip') }).topic(
    topic,
    () => void handled++,
  )
  await assert.rejects(consumer.run(), { code: 'MISSING_DEAD_LETTER_TOPIC', message: /^Topic t\d+\.t\d+\.retry\.1, / })
  assert.equal(handled, 0)
})

test('what no attempt will help is not tried again: poison, what cannot be decoded, and what the option when says', async () => {
  const topic = await topics.make(['poison', 'undecodable', 'hopeless', 'passing'].map(value => ({ value })))
  const when = [undefined, ({ error }: { error: Error }) => error.message !== 'hopeless'] as const
  for (const [at, chosen] of when.entries()) {
    const group = `${topic}-${at}`
    const onFailure = retryTopic([{ delayMs: 1 }], 'skip', {
      create: true,
      ...(chosen === undefined ? {} : { when: chosen }),
    })
    const consumer = consumerOf(group, { onFailure })
    const value = {
      deserialize: (bytes: Buffer | null) => {
        if (String(bytes) === 'undecodable') throw new Error('no text')
        return String(bytes)
      },
    }
    const again: string[] = []
    consumer.topic(topic, { value }, ({ topic: from, value }) => {
      if (from !== topic) again.push(value)
      throw value === 'poison' ? new Poison(value) : new Error(value)
    })
    await using _ = running(consumer)
    const expected = chosen === undefined ? ['hopeless', 'passing'] : ['poison', 'passing']
    await until('the others came again', () => consumer.state().work.done === 4 + (chosen === undefined ? 2 : 3))
    // What cannot be decoded is not told to a handler when it comes again.
    assert.deepEqual(again.sort(), expected.sort())
  }
})

test('a function cannot answer a retry topic that nobody reads', async () => {
  const topic = await topics.make([{ value: 'x' }])
  const again = retryTopic([{ delayMs: 1 }], 'skip')
  const consumer = consumerOf(topic, { onFailure: () => again }).topic(topic, () => {
    throw new Error('bad')
  })
  await assert.rejects(consumer.run(), { code: 'ON_FAILURE', message: /nobody reads t\d+\.t\d+\.retry\.1/ })
})

test('names may be chosen; what cannot be is an error when it is said', () => {
  const brokers = ['localhost:1']
  const onFailure = retryTopic([{ delayMs: 1 }], 'skip', { name: ({ topic, tier }) => `again-${topic}-${tier}` })
  const shop = new Consumer({ brokers, group: 'shop' }).topic('orders', { work: { onFailure } }, () => {})
  assert.throws(() => shop.topic('again-orders-1', () => {}), { code: 'AMBIGUOUS_TOPIC' })
  const place = (match: RegExp | string, group?: string) => () =>
    new Consumer({ brokers, ...(group === undefined ? {} : { group }) }).topic(match, { work: { onFailure } }, () => {})
  assert.throws(place(/^orders/, 'shop'), /retryTopic\(\) needs a route of topics by name/)
  assert.throws(place('orders'), /retryTopic\(\) needs a group/)
  assert.throws(() => retryTopic([], 'skip'), /retryTopic needs 1 to 20 tiers/)
  assert.throws(
    () => retryTopic([{ delayMs: 0 }], 'skip'),
    /retryTopic tier 1\.delayMs must be a whole number from 1 to/,
  )
  assert.throws(() => retryTopic([{ delayMs: 1 }], 'never' as 'skip'), OptionError)
  const long = retryTopic([{ delayMs: 1 }], 'skip', { name: () => 'no name' })
  assert.throws(
    () => new Consumer({ brokers, group: 'g' }).topic('a', { work: { onFailure: long } }, () => {}),
    OptionError,
  )
})
