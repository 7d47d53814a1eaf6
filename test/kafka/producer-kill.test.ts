import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { producerKillRounds } from './producer-kill.ts'

test('a broker that is killed under load makes a producer write nothing twice, out of order, or against its word', async t => {
  await using cluster = await KafkaCluster.start({ nodes: 3 })
  const { sent, delivered, refused, unsure } = await producerKillRounds(cluster, 2, seededRandom(1))
  t.diagnostic(`${sent} messages, ${delivered} delivered, ${refused} told not to be written, ${unsure} in doubt`)
})
