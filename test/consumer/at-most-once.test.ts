import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  deadLetter,
  MemoryOffsetStorage,
  type Message,
  MillraceError,
  OptionError,
  retryTopic,
  type WorkOptions,
} from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { onceRounds } from '../kafka/once-rounds.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const topics = new WrittenTopics()
const forever = () => new Promise<never>(() => {})

function records(count: number, keys = 10) {
  return Array.from({ length: count }, (_, n) => ({ key: `k${n % keys}`, value: String(n) }))
}

function consumerOf(topic: string, work: WorkOptions = {}, more: Partial<ConsumerOptions> = {}): Consumer {
  const { brokers } = topics.broker
  const offsets = { mode: 'at-most-once', ...more.offsets } as const
  return new Consumer({ brokers, logger: quiet, group: topic, work, ...more, offsets })
}

/** How often each message came. */
class Handled {
  readonly #times = new Map<string, number>()

  readonly add = ({ partition, offset }: Message<unknown, unknown>): void => {
    const name = `${partition}@${offset}`
    this.#times.set(name, (this.#times.get(name) ?? 0) + 1)
  }

  get count(): number {
    return this.#times.size
  }

  get twice(): string[] {
    return [...this.#times].filter(([, times]) => times > 1).map(([name]) => name)
  }
}

async function committed(topic: string): Promise<number> {
  const { groupOffsets } = await offsetsOf(topic)
  return groupOffsets
}

async function offsetsOf(topic: string) {
  const answer = await topics.client.send({ group: topic }, 'OffsetFetch', {
    groups: [{ groupId: topic, memberId: null, memberEpoch: -1, topics: null }],
    requireStable: false,
  })
  const partitions = answer.groups[0]?.topics.flatMap(each => each.partitions) ?? []
  return {
    groupOffsets: partitions.reduce((sum, { committedOffset }) => sum + Math.max(0, committedOffset), 0),
    metadata: partitions.map(({ metadata }) => metadata),
  }
}

test('no handler is entered while the commit above its message is not acknowledged, and state() says what is waited for', async () => {
  const topic = await topics.make(records(100))
  const storage = new MemoryOffsetStorage()
  const { commit } = storage
  const error = new MillraceError('FULL', 'the disk is full', { retriable: true })
  let full = true
  storage.commit = offsets =>
    full && offsets.some(({ offset }) => offset > 0) ? Promise.reject(error) : commit.call(storage, offsets)
  const handled = new Handled()
  const consumer = consumerOf(topic, {}, { offsets: { storage } }).topic(topic, handled.add)
  await using _ = running(consumer)
  await until('commits fail', () => consumer.state().partitions[0]?.waitsFor.some(wait => wait.cause?.includes('disk')))
  const [partition] = consumer.state().partitions
  assert.equal(handled.count, 0)
  assert.equal(partition?.done, 0)
  const wait = partition?.waitsFor.find(each => each.for === 'commits')
  assert.match(wait?.cause ?? '', /^offset 0 is handled once a commit above it is acknowledged: the disk is full$/)
  full = false
  await until('all are handled', () => handled.count === 100)
  assert.equal(consumer.state().commits?.mode, 'at-most-once')
})

test('commits that are cut off before or after they are made, or never answered, have no message handled twice, nor lost', async () => {
  const topic = await topics.make(records(3_000), { partitions: 3, written: 3 })
  const harms = [{ drop: 'before' }, { drop: 'after' }, { error: 'NOT_COORDINATOR' }, { truncate: 6 }] as const
  const faults = harms.map((action, n) =>
    topics.broker.fault({ api: 'OffsetCommit', group: topic, skip: 2 * n, count: 2, action }),
  )
  const handled = new Handled()
  const consumer = consumerOf(topic).topic(topic, message => {
    handled.add(message)
    return message.offset % 3 === 0 ? new Promise(resolve => setImmediate(resolve)) : undefined
  })
  await using _ = running(consumer)
  await until('all are handled', () => handled.count === 9_000)
  assert.ok(faults.some(({ hits }) => hits > 0))
  for (const fault of faults) fault.remove()
  await consumer.close()
  assert.deepEqual(handled.twice, [])
  assert.equal(await committed(topic), 9_000)
})

test('what was committed and not begun is given back when the consumer closes, and what was begun is not', async () => {
  const topic = await topics.make(records(200, 200))
  const handled = new Handled()
  const first = consumerOf(topic, { concurrency: 3, abandonMs: 10 }).topic(topic, message => {
    handled.add(message)
    return message.offset < 20 ? undefined : forever()
  })
  const run = first.run()
  await until(
    'three handlers hang',
    () => first.state().inFlight === 3 && first.state().partitions[0]?.committed !== 23,
  )
  assert.ok((await committed(topic)) > 23, 'more is committed than is handled')
  await first.close({ drainMs: 0 })
  await run
  assert.equal(await committed(topic), 23)
  assert.deepEqual((await offsetsOf(topic)).metadata, [''])
  const second = consumerOf(topic).topic(topic, handled.add)
  await using _ = running(second)
  await until('the others are handled', () => handled.count === 200)
  assert.deepEqual(handled.twice, [])
})

test('members that come and go handle each message once', async () => {
  const topic = await topics.make(records(2_000), { partitions: 6, written: 6 })
  const handled = new Handled()
  const member = () =>
    consumerOf(topic, { concurrency: 20 }, { ownership: { heartbeatIntervalMs: 100 } }).topic(topic, async message => {
      handled.add(message)
      await new Promise(resolve => setTimeout(resolve, message.offset % 5))
    })
  const first = member()
  const second = member()
  await using _ = running(first)
  await until('some are handled', () => handled.count > 1_000)
  const run = second.run()
  await until('both own something', () => [first, second].every(each => each.state().partitions.length > 0))
  const before = handled.count
  await until('more are handled', () => handled.count > Math.min(before + 500, 11_999))
  await second.close()
  await run
  await until('all are handled', () => handled.count === 12_000)
  assert.deepEqual(handled.twice, [])
})

test('a partition that is paused with messages committed ahead gives them back', async () => {
  const topic = await topics.make(records(100, 1))
  const handled = new Handled()
  const first = consumerOf(topic).topic(topic, async message => {
    handled.add(message)
    if (message.offset === 4) first.pause()
    await new Promise(resolve => setImmediate(resolve))
  })
  const run = first.run()
  await until('it is paused', () => first.state().partitions[0]?.paused && first.state().inFlight === 0)
  await first.close()
  await run
  assert.equal(await committed(topic), handled.count)
  await using _ = running(consumerOf(topic).topic(topic, handled.add))
  await until('the others are handled', () => handled.count === 100)
  assert.deepEqual(handled.twice, [])
})

test('a failure is decided about once: skipped, kept elsewhere, or skipped with an error where it was to come again', async () => {
  const errors: string[] = []
  const logger = { ...quiet, error: (_: unknown, text = '') => void errors.push(text) }
  for (const [onFailure, dead] of [
    [undefined, 0],
    [() => 'hold' as const, 0],
    [deadLetter('once.dlq'), 10],
  ] as const) {
    if (dead > 0) await topics.broker.createTopic('once.dlq')
    const topic = await topics.make(records(100))
    const handled = new Handled()
    const work = onFailure === undefined ? {} : { onFailure }
    const consumer = consumerOf(topic, work, { logger }).topic(topic, message => {
      handled.add(message)
      if (message.offset % 10 === 0) throw new Error('bad')
    })
    await using _ = running(consumer)
    await until('all is done', () => consumer.state().partitions[0]?.done === 100)
    assert.deepEqual([handled.count, handled.twice], [100, []])
    assert.deepEqual([consumer.state().work.skipped, consumer.state().work.kept], [10, dead])
  }
  assert.equal(errors.filter(text => /offset \d+ is lost: .*'hold' is taken for 'skip'/.test(text)).length, 10)
})

test("'stop' stops after what was begun, and the message that stopped it does not come again", async () => {
  const topic = await topics.make(records(100, 100))
  const handled = new Handled()
  const stops = consumerOf(topic, { onFailure: 'stop', concurrency: 1 }).topic(topic, message => {
    handled.add(message)
    if (message.offset === 30) throw new Error('bad')
  })
  await assert.rejects(stops.run(), { code: 'WORK_STOPPED' })
  assert.equal(await committed(topic), 31)
  await using _ = running(consumerOf(topic).topic(topic, handled.add))
  await until('the others are handled', () => handled.count === 100)
  assert.deepEqual(handled.twice, [])
})

test('a handler that never settles is over when it is left to itself', async () => {
  const topic = await topics.make(records(50))
  const handled = new Handled()
  const consumer = consumerOf(topic, { timeoutMs: 50, abandonMs: 10 }).topic(topic, message => {
    handled.add(message)
    return message.offset === 7 ? forever() : undefined
  })
  await using _ = running(consumer)
  await until('all is done', () => consumer.state().partitions[0]?.done === 50)
  assert.deepEqual([handled.count, handled.twice], [50, []])
})

test('batches are committed before they are handed over, and are as large as they may be', async () => {
  const topic = await topics.make(records(5_000, 5_000))
  const handled = new Handled()
  const sizes: number[] = []
  const consumer = consumerOf(topic).topic(
    topic,
    { work: { order: 'none' } },
    batch({ messages: 250, lingerMs: 60_000 }, messages => {
      sizes.push(messages.length)
      for (const message of messages) handled.add(message)
    }),
  )
  await using _ = running(consumer)
  await until('all are handled', () => handled.count === 5_000)
  assert.deepEqual(new Set(sizes), new Set([250]))
  assert.deepEqual(handled.twice, [])
})

test('a batch that fails is not handed over again, in halves neither; of what failed alone only it is decided about', async () => {
  const topic = await topics.make(records(12, 2))
  const handled = new Handled()
  const failed: number[] = []
  const onFailure = ({ message }: { message: Message<unknown, unknown> }) => {
    failed.push(message.offset)
    return 'hold' as const
  }
  const consumer = consumerOf(topic, { onFailure, order: 'partition' }).topic(
    topic,
    batch({ messages: 4, lingerMs: 60_000 }, batch => {
      for (const message of batch) handled.add(message)
      // Of one partition in order, and nothing waits behind it.
      if (batch[0]?.offset === 0) batch.fail(batch[1] as Message, new Error('no'))
      if (batch[0]?.offset !== 4) return
      batch.done(batch[2] as Message)
      throw new Error('no')
    }),
  )
  await using _ = running(consumer)
  await until('all is done', () => consumer.state().partitions[0]?.done === 12)
  assert.deepEqual([failed, handled.count, handled.twice], [[1, 4, 5, 7], 12, []])
})

test('batches that mix partitions are refused, as a part of them would be handled again', () => {
  assert.throws(
    () =>
      consumerOf('alerts', { order: 'none' }).topic(
        'alerts',
        batch({ by: 'route' }, () => {}),
      ),
    /^OptionError: batch\(\) of topic\('alerts'\)\.work must be by 'partition' or 'key', not 'route'/,
  )
})

test('what an owner had done at least once above its commit is not handled again at most once', async () => {
  const topic = await topics.make(records(100, 100))
  const handled = new Handled()
  const work = { onFailure: 'leave', attempts: 1 } as const
  const before = consumerOf(topic, work, { offsets: { mode: 'at-least-once' } }).topic(topic, message => {
    if (message.offset === 10) throw new Error('left')
    handled.add(message)
  })
  const run = before.run()
  await until('all others are done', () => handled.count === 99)
  await before.close()
  await run
  assert.equal(await committed(topic), 10)
  await using _ = running(consumerOf(topic).topic(topic, handled.add))
  await until('the last is handled', () => handled.count === 100)
  assert.deepEqual(handled.twice, [])
})

test('offsets in memory are those that the next consumer of the process begins at', async () => {
  const topic = await topics.make(records(100))
  const storage = new MemoryOffsetStorage()
  for (const count of [100, 0]) {
    const handled = new Handled()
    const consumer = consumerOf(topic, {}, { offsets: { mode: 'at-least-once', storage } }).topic(topic, handled.add)
    await using _ = running(consumer)
    await until('all is done', () => consumer.state().partitions[0]?.lag === 0)
    assert.equal(handled.count, count)
  }
  assert.deepEqual(
    storage.committed.map(({ offset }) => offset),
    [100],
  )
  assert.equal(await committed(topic), 0, 'Kafka was told of none')
})

test('killed at random, no message is handled twice, nor before a commit above it', async () => {
  await using cluster = await EmbeddedCluster.start({})
  const lost = await onceRounds(cluster, 3, seededRandom(1))
  assert.ok(lost < 2_000, `${lost} were lost`)
})

test('options by which a message would come again are refused', () => {
  const brokers = ['localhost:1']
  const once = { mode: 'at-most-once' } as const
  const complaint = (options: Partial<ConsumerOptions>, route: WorkOptions = {}) => {
    try {
      new Consumer({ brokers, group: 'shop', offsets: once, ...options }).topic('orders', { work: route }, () => {})
    } catch (error) {
      assert.ok(error instanceof OptionError)
      return error.message
    }
    return ''
  }
  assert.equal(complaint({}), '')
  assert.equal(complaint({ work: { attempts: 1, onFailure: 'stop' } }), '')
  const again = /: offsets\.mode 'at-most-once' hands no message to its handler twice$/
  for (const work of [{ attempts: 2 }, { onFailure: 'hold' }, { onFailure: 'leave' }] as const) {
    assert.match(complaint({ work }), again)
    assert.match(complaint({}, work), again)
  }
  assert.match(complaint({}, { attempts: 2 }), /^topic\('orders'\)\.work\.attempts must be 1, or left out, not 2: /)
  assert.match(complaint({}, { onFailure: retryTopic([{ delayMs: 1 }], 'skip') }), /not retryTopic\(\): /)
  assert.match(
    complaint({ offsets: { mode: 'exactly-once' as never } }),
    /^offsets\.mode must be 'at-least-once' or 'at-most-once', not 'exactly-once'$/,
  )
  assert.throws(() => new Consumer({ brokers, offsets: once }), /offsets\.mode 'at-most-once' needs a group/)
})
