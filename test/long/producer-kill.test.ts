import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { producerKillRounds } from '../kafka/producer-kill.ts'

const seed = Number(process.env.SEED ?? 1)
const rounds = Number(process.env.STEPS ?? 15)

for (const version of ['4.1.1', '3.9.1']) {
  test(`${rounds} kills of brokers under load make a producer write nothing twice, out of order, or against its word: Kafka ${version}`, async t => {
    await using cluster = await KafkaCluster.start({ nodes: 3, version })
    const { sent, delivered, refused, unsure } = await producerKillRounds(cluster, rounds, seededRandom(seed))
    t.diagnostic(
      `Kafka ${version}, ${rounds} kills: ${sent} messages, ${delivered} delivered, ${refused} not, ${unsure} in doubt`,
    )
  })
}
