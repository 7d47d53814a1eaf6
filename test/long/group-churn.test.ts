import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import type { Cluster } from '../cluster.ts'
import { churn, tellChurn } from '../kafka/churn.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'

const seed = Number(process.env.SEED ?? 1)
const seconds = Number(process.env.CHURN_SECONDS ?? 180)
const strategies = ['range', 'round-robin', 'sticky', 'cooperative-sticky']
const kinds: Readonly<Record<string, () => Promise<Cluster>>> = {
  'Kafka 4.1.1': () => KafkaCluster.start({ version: '4.1.1' }),
  'Kafka 3.9.1': () => KafkaCluster.start({ version: '3.9.1' }),
  'the embedded broker': () => EmbeddedCluster.start({}),
}

for (const [kind, start] of Object.entries(kinds)) {
  test(`members join, leave and are killed for ${seconds} s on ${kind}`, { concurrency: true }, async t => {
    await using cluster = await start()
    const group = (strategy: string, place: number) =>
      t.test(`${strategy}: nothing is lost, and no two are at a partition at once`, async t => {
        const report = await churn(cluster, { strategy, seconds, random: seededRandom(seed + place) })
        t.diagnostic(tellChurn(`${kind}, ${strategy}`, report))
      })
    await Promise.all(strategies.map(group))
  })
}
