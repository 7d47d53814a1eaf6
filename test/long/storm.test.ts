import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import type { Cluster } from '../cluster.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { storm, tellStorm } from '../kafka/storm.ts'

const seed = Number(process.env.SEED ?? 1)
const seconds = Number(process.env.STORM_SECONDS ?? 90)
const kinds: Readonly<Record<string, () => Promise<Cluster>>> = {
  'Kafka 4.1.1': () => KafkaCluster.start({ version: '4.1.1' }),
  'the embedded broker': () => EmbeddedCluster.start({}),
}

for (const [kind, start] of Object.entries(kinds)) {
  for (const strategy of ['cooperative-sticky', 'range']) {
    test(`with all of it switched on nothing is lost in ${seconds} s of joins, leaves and kills: ${strategy}, ${kind}`, async t => {
      await using cluster = await start()
      const report = await storm(cluster, { strategy, seconds, random: seededRandom(seed) })
      t.diagnostic(tellStorm(`${kind}, ${strategy}`, report))
    })
  }
}
