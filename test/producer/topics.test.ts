import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exponential } from '../../src/base/backoff.ts'
import type { ClusterMetadata, TopicMetadata } from '../../src/client/low-level-client.ts'
import { Topics } from '../../src/producer/topics.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'

/** What is known of topics, with time in the hands of a test; `leaders` is what the cluster would tell. */
class Scene {
  readonly clock = new VirtualClock()
  readonly leaders = new Map<string, number>()
  /** The topics of each request. */
  readonly asked: (readonly string[])[] = []
  readonly topics: Topics
  /** Of the log. */
  readonly lines: string[] = []
  /** What a producer with messages for these looks at, whenever something changed. */
  wanted: readonly string[] = []

  constructor() {
    const { clock } = this
    this.topics = new Topics({
      client: { metadata: async names => this.#metadata(names === 'all' ? [] : names) },
      clock,
      random: () => 0.5,
      logger: { debug: () => {}, info: () => {}, warn: (_, text) => this.lines.push(text ?? ''), error: () => {} },
      backoff: exponential(100, 1_000),
      maxAgeMs: 300_000,
      changed: () => clock.soon(() => this.look()),
      refused: () => {},
    })
  }

  look(): void {
    for (const topic of this.wanted) this.topics.leader(topic, 0)
  }

  #metadata(asked: readonly string[]): ClusterMetadata {
    this.asked.push(asked)
    const topics = new Map(asked.map(topic => [topic, this.#topic(topic)]))
    return { clusterId: null, controller: 1, brokers: [], topics }
  }

  #topic(topic: string): TopicMetadata {
    const leader = this.leaders.get(topic)
    const error = leader === undefined ? new KafkaError(3, `metadata of topic ${topic}`) : null
    const place = { partition: 0, leaderEpoch: 0, replicas: [1], inSyncReplicas: [1], error: null }
    const partitions = leader === undefined ? [] : [{ ...place, leader }]
    return { topic, topicId: null, internal: false, partitions, error }
  }
}

test('while a partition has no leader it is looked up less and less often, and soon found', async () => {
  const scene = new Scene()
  scene.leaders.set('orders', -1)
  scene.wanted = ['orders']
  scene.look()
  await scene.clock.advance(60_000)
  assert.ok(scene.asked.length > 50 && scene.asked.length < 100, `${scene.asked.length} requests in a minute`)
  scene.leaders.set('orders', 1)
  await scene.clock.advance(1_500)
  assert.equal(scene.topics.leader('orders', 0), 1)
  const { length } = scene.asked
  await scene.clock.advance(60_000)
  assert.equal(scene.asked.length, length)
  // The next doubt is looked into at once.
  scene.topics.doubt('orders')
  await settled()
  assert.equal(scene.asked.length, length + 1)
  await scene.topics.close()
  assert.equal(scene.clock.timers, 0)
})

test('a topic that is not there holds up no other one', async () => {
  const scene = new Scene()
  scene.wanted = ['missing']
  scene.look()
  await scene.clock.advance(60_000)
  assert.ok(scene.asked.length < 100, `${scene.asked.length} requests in a minute`)
  for (const topic of ['one', 'two', 'three']) {
    scene.leaders.set(topic, 1)
    scene.topics.get(topic)
    await settled()
    assert.notEqual(scene.topics.get(topic), null)
  }
  assert.match(`${scene.topics.error('missing')}`, /UNKNOWN_TOPIC_OR_PARTITION/)
  await scene.topics.close()
  assert.equal(scene.clock.timers, 0)
})

test('a topic that is doubted again and again is not looked up each time', async () => {
  const scene = new Scene()
  scene.leaders.set('orders', 1)
  for (let turn = 0; turn < 100; turn++) {
    scene.topics.doubt('orders')
    await scene.clock.advance(10)
  }
  assert.ok(scene.asked.length >= 8 && scene.asked.length <= 20, `${scene.asked.length} requests in a second`)
  await scene.topics.close()
})

test('many topics that are not there are one line of the log, and nothing is kept of them once nobody writes to them any more', async () => {
  const scene = new Scene()
  for (let turn = 0; turn < 100; turn++) scene.topics.get(`missing-${turn}`)
  await settled()
  assert.deepEqual(
    scene.lines.map(line => line.replace(/:.*/, '')),
    ['messages to missing-0 wait', 'messages to missing-1 and 98 other topics wait'],
  )
  assert.notEqual(scene.topics.error('missing-7'), null)
  await scene.clock.advance(300_000)
  assert.equal(scene.topics.error('missing-7'), null)
  await scene.topics.close()
})
