import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { churn, tellChurn } from './churn.ts'
import { KafkaCluster } from './kafka-cluster.ts'

test('members that join, leave and are killed', { concurrency: true }, async t => {
  await using cluster = await KafkaCluster.start({})
  const group = (strategy: string, seed: number) =>
    t.test(`${strategy}: nothing is lost, and no two are at a partition at once`, async t => {
      const report = await churn(cluster, { strategy, seconds: 6, pauseMs: 800, random: seededRandom(seed) })
      t.diagnostic(tellChurn(strategy, report))
    })
  await Promise.all(['range', 'cooperative-sticky'].map(group))
})
