import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { killRounds } from '../kafka/kill-rounds.ts'

const seed = Number(process.env.SEED ?? 1)

test('a consumer that is killed 20 times loses nothing', async t => {
  await using cluster = await KafkaCluster.start({})
  const { handled, again } = await killRounds(cluster, 20, seededRandom(seed))
  t.diagnostic(`20 kills: ${handled} messages handled, ${again} of them again, none lost`)
})
