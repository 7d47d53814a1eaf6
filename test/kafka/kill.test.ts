import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { killRounds } from './kill-rounds.ts'

test('a consumer that is killed loses nothing and has committed nothing that was not handled', async t => {
  await using cluster = await KafkaCluster.start({})
  const { handled, again } = await killRounds(cluster, 2, seededRandom(1))
  t.diagnostic(`${handled} messages handled, ${again} of them again`)
  const stuck = await killRounds(cluster, 2, seededRandom(2), { stuck: true })
  t.diagnostic(`one message stuck: ${stuck.remembered} remembered to be done above it, none of them handled again`)
})
