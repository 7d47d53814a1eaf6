import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { onceRounds } from './once-rounds.ts'

test('a consumer that handles at most once and is killed handles no message twice', async t => {
  await using cluster = await KafkaCluster.start({})
  t.diagnostic(`${await onceRounds(cluster, 4, seededRandom(1))} messages lost`)
})
