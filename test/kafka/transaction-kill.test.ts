import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { killedBrokers, producerLives } from './transaction-kill.ts'

test('of transactions nothing is half there, and each is as it was told, when their producer or a broker is killed', async t => {
  await using cluster = await KafkaCluster.start({ nodes: 3 })
  t.diagnostic(await producerLives(cluster, 2, seededRandom(1)))
  t.diagnostic(await killedBrokers(cluster, [1]))
})
