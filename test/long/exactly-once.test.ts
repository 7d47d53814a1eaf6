import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { exactlyOnce } from '../consumer/exactly-once.ts'
import { bugs } from '../consumer/exactly-once-bugs.ts'
import { readCommitted } from '../kafka/console-consumer.ts'
import { config, exactlyRounds } from '../kafka/exactly-rounds.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'

const seed = Number(process.env.SEED ?? 1)
const stories = Number(process.env.STORIES ?? 100)

test('whatever is killed, lost or refused, each message is there once and in the order of its key', async t => {
  const sum = { messages: 0, kills: 0, committed: 0, aborted: 0, recalled: 0 }
  for (let n = 0; n < stories; n++) {
    const report = await exactlyOnce(seed + n)
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += report[key]
  }
  const { messages, kills, committed, aborted, recalled } = sum
  t.diagnostic(
    `${stories} stories from seed ${seed}: ${messages} messages, each once, ${kills} members killed, ${committed} transactions ` +
      `committed and ${aborted} aborted by members that lived, ${recalled} messages recalled`,
  )
})

for (const { name, install } of bugs) {
  test(`it is found when ${name}`, async () => {
    const undo = install()
    try {
      for (let n = 0; n < 20; n++) {
        const error = await exactlyOnce(seed + n).then(
          () => null,
          thrown => thrown,
        )
        if (error === null) continue
        assert.match(error.message, /not each once, in order/)
        return
      }
      assert.fail('it was not found')
    } finally {
      undo()
    }
  })
}

for (const version of ['4.1.1', '3.9.1']) {
  test(`consumers that are killed have written each message once, as Kafka’s own consumer reads: Kafka ${version}`, async t => {
    await using cluster = await KafkaCluster.start({ version, config })
    const read = (output: string) => readCommitted(cluster, output)
    t.diagnostic(`Kafka ${version}: ${await exactlyRounds(cluster, 20, seededRandom(seed), read)}`)
  })
}
