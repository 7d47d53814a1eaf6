import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { killRounds } from '../kafka/kill-rounds.ts'

test('what is committed as done above a stuck message is not handled again after a kill', async () => {
  await using cluster = await EmbeddedCluster.start({})
  const { remembered } = await killRounds(cluster, 2, seededRandom(1), { stuck: true })
  assert.ok(remembered > 1_000, `${remembered} were remembered`)
})
