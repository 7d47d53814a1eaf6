import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmbeddedCluster } from '../../broker/embedded-cluster.ts'
import { KafkaCluster } from '../kafka-cluster.ts'
import { type Difference, differences } from './comparison.ts'
import { type Listed, listed } from './listed.ts'
import { answers } from './rounds.ts'

test('the embedded broker answers as Kafka 4.1.1 does, except where the list of differences says otherwise', async t => {
  const kafka = await answers(options => KafkaCluster.start(options))
  const ours = await answers(options => EmbeddedCluster.start(options))
  const found = differences(kafka, ours)
  const explained = new Map<Listed, number>(listed.map(entry => [entry, 0]))
  const surprising = found.filter(difference => {
    const entry = listed.find(each => explains(each, difference))
    if (entry !== undefined) explained.set(entry, (explained.get(entry) ?? 0) + 1)
    return entry === undefined
  })
  const steps = [...kafka.values()].reduce((sum, journal) => sum + journal.size, 0)
  t.diagnostic(`${kafka.size} scripts, ${steps} steps, ${found.length} differences`)
  assert.deepEqual(surprising.map(describe), [])
  assert.deepEqual(
    [...explained].filter(([, count]) => count === 0).map(([entry]) => entry.where),
    [],
    'no longer so',
  )
})

function explains(entry: Listed, { where, kafka, ours }: Difference): boolean {
  return entry.where.test(where) && (entry.kafka ?? kafka) === kafka && (entry.ours ?? ours) === ours
}

function describe({ where, kafka, ours }: Difference): string {
  return `${where}: Kafka ${kafka}, ours ${ours}`
}
