import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { FaultAction } from '../../src/broker/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import type { Cluster } from '../cluster.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { soak, stall, type Troubles, tellSoak } from '../kafka/soak.ts'

const seed = Number(process.env.SEED ?? 1)
const seconds = Number(process.env.SOAK_SECONDS ?? 1_500)
const nodes = 3

test(`three brokers and four members live through ${seconds} s of trouble`, { concurrency: true }, async t => {
  await Promise.all([
    t.test('Kafka 4.1.1: brokers crash, stop, restart and hand over', async t => {
      await using cluster = await KafkaCluster.start({ version: '4.1.1', nodes })
      const random = seededRandom(seed)
      const node = () => 1 + Math.floor(random() * nodes)
      const report = await soak(cluster, {
        seconds,
        random,
        troubles: topic => ({
          ...clusterTroubles(cluster, topic, random),
          'a broker stood still': () => stall(cluster.pids.get(node()), 500 + 5_000 * random()),
        }),
      })
      t.diagnostic(tellSoak('Kafka 4.1.1', report))
    }),
    t.test('the embedded broker: answers are errors, late, cut short, or never come', async t => {
      await using cluster = await EmbeddedCluster.start({ nodes })
      const random = seededRandom(seed + 1)
      const report = await soak(cluster, {
        seconds,
        random,
        troubles: topic => ({
          ...clusterTroubles(cluster, topic, random),
          ...faults(cluster, random),
          'the coordinator moved': async () =>
            cluster.broker.setCoordinator('group', topic, 1 + Math.floor(random() * nodes)),
        }),
      })
      t.diagnostic(tellSoak('the embedded broker', report))
    }),
  ])
})

function clusterTroubles(cluster: Cluster, topic: string, random: Random): Troubles {
  const node = () => 1 + Math.floor(random() * nodes)
  return {
    'a broker crashed': async () => {
      const victim = node()
      await cluster.kill(victim)
      await delay(3_000 * random())
      await cluster.restart(victim)
    },
    'a broker was restarted': () => cluster.restart(node()),
    'a leader moved': async () => void (await cluster.moveLeader(topic, Math.floor(random() * 12))),
  }
}

/** Answers that a member may get instead of good ones, by the request. */
const errors = {
  Fetch: [
    'NOT_LEADER_OR_FOLLOWER',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_LEADER_EPOCH',
    'KAFKA_STORAGE_ERROR',
    'FETCH_SESSION_ID_NOT_FOUND',
    'INVALID_FETCH_SESSION_EPOCH',
  ],
  ListOffsets: ['NOT_LEADER_OR_FOLLOWER', 'OFFSET_NOT_AVAILABLE'],
  Metadata: ['LEADER_NOT_AVAILABLE'],
  FindCoordinator: ['COORDINATOR_NOT_AVAILABLE'],
  JoinGroup: ['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'UNKNOWN_MEMBER_ID'],
  SyncGroup: ['NOT_COORDINATOR', 'REBALANCE_IN_PROGRESS'],
  Heartbeat: ['NOT_COORDINATOR', 'REBALANCE_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  OffsetCommit: ['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'REQUEST_TIMED_OUT'],
  OffsetFetch: ['NOT_COORDINATOR', 'UNSTABLE_OFFSET_COMMIT'],
} as const

/** Faults that hit what members ask. What writes has another name. */
function faults(cluster: EmbeddedCluster, random: Random): Troubles {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
  const apis = Object.keys(errors) as (keyof typeof errors)[]
  const fault = async (action: () => FaultAction, api = pick(apis)) => {
    const options = { api, clientId: 'millrace', count: 1 + Math.floor(20 * random()), action: action() }
    using _ = cluster.broker.fault(options)
    await delay(2_000 * random())
  }
  return {
    'answers were errors': () => {
      const api = pick(apis)
      return fault(() => ({ error: pick<(typeof errors)[typeof api][number]>(errors[api]) }), api)
    },
    'answers came late': () => fault(() => ({ delayMs: Math.ceil(3_000 * random()) })),
    'answers never came': () => fault(() => ({ noReply: true })),
    'connections broke': () => fault(() => ({ drop: random() < 0.5 ? 'before' : 'after' })),
    'answers were cut short': () => fault(() => ({ truncate: Math.floor(100 * random()) })),
  }
}
