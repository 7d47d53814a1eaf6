import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { killedBrokers, producerLives } from '../kafka/transaction-kill.ts'

const seed = Number(process.env.SEED ?? 1)

for (const version of ['4.1.1', '3.9.1']) {
  test(`of transactions nothing is half there, whoever is killed: Kafka ${version}`, async t => {
    await using cluster = await KafkaCluster.start({ nodes: 3, version })
    t.diagnostic(`Kafka ${version}: ${await producerLives(cluster, 10, seededRandom(seed))}`)
    t.diagnostic(`Kafka ${version}: ${await killedBrokers(cluster, [1, 2, 3, 1, 2, 3])}`)
  })
}
