import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import { ConnectionError, type MillraceError } from '../../src/base/errors.ts'
import type { ClusterMetadata, LowLevelClient, TopicMetadata } from '../../src/client/low-level-client.ts'
import type { AssignedPartition, OwnershipListener } from '../../src/ownership/coordinator.ts'
import { StaticCoordinator } from '../../src/ownership/static-coordinator.ts'
import { type Match, Subscription } from '../../src/ownership/subscription.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

function topicOf(topic: string, partitions: number): TopicMetadata {
  return {
    topic,
    topicId: null,
    internal: topic.startsWith('__'),
    error: null,
    partitions: Array.from({ length: partitions }, (_, partition) => {
      return { partition, leader: 1, leaderEpoch: 0, replicas: [1], inSyncReplicas: [1], error: null }
    }),
  }
}

/** A coordinator over topics that the test holds. */
function coordinator(matches: Match[], missingTopics: 'wait' | 'fail' = 'wait') {
  const clock = new VirtualClock()
  const topics = new Map<string, number>()
  const state = { unreachable: false }
  const client: Pick<LowLevelClient, 'metadata'> = {
    async metadata(names): Promise<ClusterMetadata> {
      if (state.unreachable) throw new ConnectionError('no broker could be reached')
      const known = [...topics].filter(([topic]) => names === 'all' || names.includes(topic))
      const found = new Map(known.map(([topic, count]) => [topic, topicOf(topic, count)]))
      return { clusterId: null, controller: 1, brokers: [], topics: found }
    },
  }
  const assigned: string[] = []
  const fatal: string[] = []
  const listener: OwnershipListener = {
    async assigned(partitions: readonly AssignedPartition[]) {
      assigned.push(...partitions.map(({ topic, partition, route }) => `${topic}[${partition}] ${route}`))
    },
    async revoked() {},
    async lost() {},
    leaseChanged() {},
    fatal: error => void fatal.push((error as MillraceError).code),
  }
  const owner = new StaticCoordinator({
    client: client as LowLevelClient,
    clock,
    random: () => 0,
    logger: quiet,
    subscription: new Subscription(matches),
    missingTopics,
    refreshMs: 60_000,
    backoff: constant(1_000),
  })
  return { clock, topics, state, assigned, fatal, listener, owner }
}

test('whole topics are owned, and partitions and topics that come later are too', async () => {
  const { clock, topics, assigned, listener, owner } = coordinator(['orders', /^audit/])
  topics.set('orders', 2)
  topics.set('__internal-audit', 1)
  await owner.start(listener)
  assert.deepEqual(assigned, ['orders[0] 0', 'orders[1] 0'])
  topics.set('orders', 3)
  topics.set('audit-a', 1)
  await clock.advance(60_000)
  assert.deepEqual(assigned.slice(2).sort(), ['audit-a[0] 1', 'orders[2] 0'])
  await owner.close()
})

test('while the cluster cannot be asked nothing is owned and start waits', async () => {
  const { clock, topics, state, assigned, listener, owner } = coordinator(['orders'])
  topics.set('orders', 1)
  state.unreachable = true
  let started = false
  const starting = owner.start(listener).then(() => {
    started = true
  })
  await clock.advance(5_000)
  assert.equal(started, false)
  state.unreachable = false
  await clock.advance(1_000)
  await starting
  assert.deepEqual(assigned, ['orders[0] 0'])
  await owner.close()
})

test('partitions whose assignment failed are assigned again', async () => {
  const { clock, topics, assigned, listener, owner } = coordinator(['orders'])
  topics.set('orders', 1)
  let failures = 2
  const { assigned: assign } = listener
  listener.assigned = async partitions => {
    if (failures-- > 0) throw new Error('the storage is not there')
    await assign.call(listener, partitions)
  }
  const starting = owner.start(listener)
  await settled()
  assert.deepEqual(assigned, [])
  await clock.advance(2_000)
  await starting
  assert.deepEqual(assigned, ['orders[0] 0'])
  await owner.close()
})

test('a missing topic or partition is waited for and shown, or is fatal', async () => {
  const waiting = coordinator([{ topic: 'orders', partitions: [0, 5] }])
  waiting.topics.set('orders', 1)
  await waiting.owner.start(waiting.listener)
  assert.deepEqual(waiting.assigned, ['orders[0] 0'])
  assert.deepEqual(waiting.owner.state().waiting, [{ topic: 'orders[5]', cause: 'does not exist' }])
  waiting.topics.set('orders', 6)
  await waiting.clock.advance(1_000)
  assert.deepEqual(waiting.assigned, ['orders[0] 0', 'orders[5] 0'])
  assert.deepEqual(waiting.owner.state().waiting, [])
  await waiting.owner.close()

  const failing = coordinator(['orders'], 'fail')
  await failing.owner.start(failing.listener)
  assert.deepEqual(failing.fatal, ['MISSING_TOPIC'])
  await failing.owner.close()
})

test('a topic that two patterns match is fatal at the start, and later left alone and named', async () => {
  const early = coordinator([/^a/, /b$/])
  early.topics.set('ab', 1)
  await early.owner.start(early.listener)
  assert.deepEqual(early.fatal, ['AMBIGUOUS_TOPIC'])
  await early.owner.close()

  const late = coordinator([/^a/, /b$/])
  late.topics.set('a', 1)
  await late.owner.start(late.listener)
  late.topics.set('ab', 1)
  await late.clock.advance(60_000)
  assert.deepEqual(late.assigned, ['a[0] 0'])
  assert.deepEqual(late.fatal, [])
  assert.match(late.owner.state().waiting[0]?.cause ?? '', /\/\^a\/ and \/b\$\//)
  await late.owner.close()
  assert.equal(late.clock.timers, 0)
})

test("Kafka's internal topics are for exact names, and for patterns whose route asks for them", () => {
  const subscription = new Subscription([/^__/, /./, '__offsets'], [true, false, false])
  assert.equal(subscription.route('__audit', true), 0)
  assert.equal(subscription.route('orders', false), 1)
  assert.equal(subscription.route('__offsets', true), 2)
  assert.equal(new Subscription([/./]).route('__audit', true), null)
})

test('a topic that seems to be gone is looked for soon, but not again and again', async () => {
  const { clock, topics, assigned, owner, listener } = coordinator(['orders', /^audit/])
  topics.set('orders', 1)
  await owner.start(listener)
  await clock.advance(5_000)
  topics.set('audit', 1)
  owner.topicMissing()
  await clock.advance(1)
  assert.deepEqual(assigned, ['orders[0] 0', 'audit[0] 1'])
  topics.set('audit.2', 1)
  owner.topicMissing()
  await clock.advance(900)
  assert.equal(assigned.length, 2)
  await clock.advance(100)
  assert.equal(assigned.length, 3)
  owner.stop()
  assert.equal(clock.timers, 0)
})
