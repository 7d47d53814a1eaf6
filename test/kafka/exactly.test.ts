import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { readCommitted } from './console-consumer.ts'
import { config, exactlyRounds } from './exactly-rounds.ts'
import { KafkaCluster } from './kafka-cluster.ts'

test('consumers that are killed in the midst of transactions have written each message once, as Kafka’s own consumer reads', async t => {
  await using cluster = await KafkaCluster.start({ config })
  t.diagnostic(await exactlyRounds(cluster, 3, seededRandom(1), output => readCommitted(cluster, output)))
})
