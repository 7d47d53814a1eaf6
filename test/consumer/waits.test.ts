import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import {
  Consumer,
  type ConsumerOptions,
  constant,
  type Handler,
  NativeClient,
  type OffsetStorage,
  type Stalled,
  type Wait,
  writeBatch,
} from '../../src/index.ts'
import { readiness } from '../../src/server/readiness.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const LONG = 3_600_000

let broker: Broker
let client: NativeClient
let made = 0

before(async () => {
  broker = await Broker.start({
    config: { 'group.min.session.timeout.ms': '100', 'group.initial.rebalance.delay.ms': '0' },
  })
  client = new NativeClient({ brokers: broker.brokers, logger: quiet })
})
after(async () => {
  await client.close()
  await broker.close()
})

/** Writes so many messages of one key. */
async function write(topic: string, count: number): Promise<void> {
  const records = writeBatch(Array.from({ length: count }, () => ({ key: 'k', value: 'x' })))
  const [written] = await client.produce([{ topic, partition: 0, records }])
  assert.equal(written?.error ?? null, null)
}

interface Case {
  /** What the partition is to wait for at last. */
  readonly for: readonly Wait['for'][]
  readonly cause: RegExp
  readonly handler?: Handler
  readonly options?: Partial<ConsumerOptions>
  /** How many messages there are. Default 3. */
  readonly count?: number
  /** Whether it joins its group, and does not name its partition. */
  readonly joins?: boolean
  /** Before the consumer runs; what it answers is called at the end. */
  readonly arrange?: (topic: string, consumer: Consumer) => unknown
}

const hangs: Handler = (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject))
const fails: Handler = () => {
  throw new Error('no')
}
const oneAttempt = { attempts: 1, backoff: constant(LONG), redeliverMs: LONG, concurrency: 4 }

let full = false

/** Holds nothing, and takes nothing while it is full. */
const storage: OffsetStorage = {
  load: async partitions => partitions.map(each => ({ ...each, error: null, committed: null })),
  async commit(offsets) {
    if (full) throw new Error('the disk is full')
    return offsets.map(({ topic, partition }) => ({ topic, partition, error: null }))
  },
}

function fill(): () => void {
  full = true
  return () => {
    full = false
  }
}

/** The topic has partitions, and nobody leads them. */
function loseLeaders(topic: string): () => void {
  const fault = broker.fault({
    api: 'Metadata',
    topic,
    action: {
      reply: ({ topics = [], ...answer }) => ({
        ...answer,
        topics: topics.map(({ partitions = [], ...each }) => {
          return { ...each, partitions: partitions.map(one => ({ ...one, leaderId: -1, errorCode: 5 })) }
        }),
      }),
    },
  })
  return () => fault.remove()
}

const cases: Record<string, Case> = {
  'all handlers that may run': {
    for: ['handlers'],
    cause: /1 of 1 handlers run, that of t\d+\[0\] offset 0 longest/,
    handler: hangs,
    options: { work: { concurrency: 1 } },
  },
  'all handlers that may run of one partition': {
    for: ['handlers'],
    cause: /1 of 1 handlers of this partition run, that of t\d+\[0\] offset 0 longest/,
    handler: hangs,
    options: { work: { perPartition: 1 } },
  },
  'a message of its key in front': {
    for: ['handlers'],
    cause: /a message in front is in its handler, that of t\d+\[0\] offset 0 longest/,
    handler: hangs,
  },
  'a full reservoir': {
    for: ['handlers', 'full'],
    cause: /offset 0 longest/,
    handler: hangs,
    count: 3_000,
    options: { work: { concurrency: 1 }, fetch: { reservoir: { messages: 100 } } },
  },
  'too many messages behind one key': {
    for: ['handlers', 'lookahead'],
    cause: /offset 0 longest/,
    handler: hangs,
    count: 3_000,
  },
  'the next attempt': {
    for: ['attempts'],
    cause: /1 to be tried again; the first to come, offset 0, at 20/,
    handler: fails,
    options: { work: { backoff: constant(LONG) } },
  },
  'a message that is held': {
    for: ['held'],
    cause: /1 held; the first to come, offset 0, at 20/,
    handler: fails,
    options: { work: { ...oneAttempt, onFailure: 'hold' } },
  },
  'messages that were left': {
    for: ['left'],
    cause: /3 left; the first to come, offset 0, at 20/,
    handler: fails,
    options: { work: { ...oneAttempt, onFailure: 'leave' } },
  },
  'too many messages that were left': {
    for: ['left', 'undone'],
    cause: /^1000 left/,
    handler: fails,
    count: 1_100,
    options: { work: { ...oneAttempt, onFailure: 'leave' } },
  },
  'messages that were left and take too much memory': {
    for: ['memory', 'left'],
    cause:
      /^messages that wait for long .* take more than 40 bytes \(fetch\.reservoir\.bytes is 80\), \d\d of them here/,
    handler: fails,
    count: 20,
    // Another batch.
    arrange: topic => write(topic, 20),
    options: { work: { ...oneAttempt, onFailure: 'leave' }, fetch: { reservoir: { bytes: 80 } } },
  },
  'a handler that was abandoned': {
    for: ['abandoned'],
    cause: /1 left or held after their handlers were abandoned/,
    handler: () => new Promise(() => {}),
    count: 1,
    options: { work: { timeoutMs: 1, abandonMs: 1, onFailure: 'leave' } },
  },
  'whoever paused it': {
    for: ['paused'],
    cause: /^$/,
    arrange: (_, consumer) => consumer.pause(),
  },
  'an open transaction': {
    for: ['transaction'],
    cause: /a transaction that began at offset 3 or before is neither committed nor aborted/,
    arrange: async topic => {
      const producer = new TestProducer(broker.brokers)
      const transaction = producer.transaction({})
      await transaction.write(topic, [{ value: 'later', partition: 0 }])
      return () => transaction.abort()
    },
  },
  'a leader that answers with errors': {
    for: ['backing-off'],
    cause: /UNKNOWN_SERVER_ERROR/,
    arrange: topic => remove(broker.fault({ api: 'Fetch', topic, action: { error: 'UNKNOWN_SERVER_ERROR' } })),
  },
  'a leader that does not answer': {
    for: ['broker'],
    cause: /node 1 has not answered with its messages/,
    arrange: topic => remove(broker.fault({ api: 'Fetch', topic, action: { noReply: true } })),
  },
  'a leader, where there is none': {
    for: ['no-leader'],
    cause: /LEADER_NOT_AVAILABLE|no leader/,
    arrange: loseLeaders,
  },
  'what was committed': {
    for: ['offsets'],
    cause: /^$/,
    options: { offsets: { storage: { ...storage, load: () => new Promise(() => {}) } } },
  },
  'the commit of its first position': {
    for: ['first-commit'],
    cause: /the disk is full/,
    options: { offsets: { storage, start: { timestamp: 0 } } },
    arrange: fill,
  },
  'commits that fail for too long': {
    for: ['commits'],
    cause: /the disk is full/,
    handler: ({ offset }, { signal }) => (offset === 0 ? undefined : hangs(undefined as never, { signal } as never)),
    options: { offsets: { storage, commitIntervalMs: 20, maxCommitAgeMs: 50, start: { offset: 0 } } },
    arrange: fill,
  },
  'its group, which does not acknowledge that it is a member': {
    for: ['lease'],
    cause: /^stable/,
    joins: true,
    count: 0,
    options: {
      ownership: { sessionTimeoutMs: 600, heartbeatIntervalMs: 100, rebalanceTimeoutMs: 60_000 },
    },
  },
}

function remove(fault: { remove(): void }): () => void {
  return () => fault.remove()
}

for (const [what, { for: reasons, cause, handler = () => {}, options, count = 3, joins, arrange }] of Object.entries(
  cases,
)) {
  test(`a stalled partition says that it waits for ${what}`, async () => {
    const topic = `t${++made}`
    await broker.createTopic(topic, { partitions: 1 })
    if (count > 0) await write(topic, count)
    const consumer = new Consumer({
      brokers: broker.brokers,
      ...(options?.offsets?.storage || joins ? { group: topic } : {}),
      logger: quiet,
      stallAfterMs: 100,
      ...options,
    }).topic(joins ? topic : { topic, partitions: [0] }, handler)
    const told: Stalled[] = []
    consumer.on('stalled', event => told.push(event))
    const end = await arrange?.(topic, consumer)
    await using _ = running(consumer)
    if (joins) {
      await until('it owns the partition', () => lag(consumer) === 0)
      const fault = broker.fault({ api: 'Heartbeat', group: topic, action: { noReply: true } })
      await fault.hit()
      await until('the lease is over', () => consumer.state().ownership?.membership?.leaseOpen === false)
      await write(topic, 1)
    }
    const state = () => consumer.state().partitions[0]
    const waits = () => (state()?.waitsFor ?? []).filter(wait => reasons.includes(wait.for))
    await until(`it is stalled for ${reasons}, and not ${JSON.stringify(state())}`, () => {
      return state()?.stalledSince !== null && waits().length === reasons.length
    })
    assert.match(waits().find(wait => wait.for === reasons[0])?.cause ?? '', cause)
    assert.equal(told[0]?.topic, topic)
    assert.ok((told[0]?.afterMs ?? 0) >= 100 && (told[0]?.waitsFor.length ?? 0) > 0)
    assert.equal(readiness(consumer.state()).ready, false)
    if (typeof end === 'function') await end()
  })
}

test('nothing is stalled whose messages are all in handlers, or are done', async () => {
  const topic = `t${++made}`
  await broker.createTopic(topic, { partitions: 1 })
  await write(topic, 1)
  let release = () => {}
  const consumer = new Consumer({ brokers: broker.brokers, logger: quiet, stallAfterMs: 100 }).topic(
    { topic, partitions: [0] },
    () =>
      new Promise<void>(resolve => {
        release = resolve
      }),
  )
  const told: Stalled[] = []
  consumer.on('stalled', event => told.push(event))
  await using _ = running(consumer)
  await until('it is handled', () => consumer.state().inFlight === 1)
  const from = performance.now()
  await until('more than enough time has passed', () => performance.now() - from > 400)
  release()
  await until('it is done', () => lag(consumer) === 0)
  assert.deepEqual(told, [])
  assert.deepEqual(readiness(consumer.state()), {
    ready: true,
    reasons: [],
    partitions: [{ topic, partition: 0, fetching: true, stalled: false, lag: 0, waitsFor: [] }],
  })
})
