import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { killRounds } from '../kafka/kill-rounds.ts'

const seed = Number(process.env.SEED ?? 1)

test('a consumer that is killed 20 times loses nothing', async t => {
  await using cluster = await KafkaCluster.start({})
  const { handled, again } = await killRounds(cluster, 20, seededRandom(seed))
  t.diagnostic(`20 kills: ${handled} messages handled, ${again} of them again, none lost`)
})

for (const [name, start] of [
  ['Kafka', () => KafkaCluster.start({})],
  ['the embedded broker', () => EmbeddedCluster.start({})],
] as const) {
  test(`of what is done above a stuck message nothing that was committed is handled again, in 50 kills on ${name}`, async t => {
    await using cluster = await start()
    const { handled, again, remembered } = await killRounds(cluster, 50, seededRandom(seed), { stuck: true })
    t.diagnostic(
      `${name}, 50 kills: ${handled} handled, ${remembered} remembered and not again, ${again} again, none lost`,
    )
  })
}
