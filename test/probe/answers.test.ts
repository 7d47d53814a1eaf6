import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { type Difference, differences } from './comparison.ts'
import { type Listed, listed } from './listed.ts'
import { recorded } from './recorded.ts'
import { answers } from './rounds.ts'

let found: readonly Difference[]

before(async () => {
  found = differences(await recorded(), await answers(options => EmbeddedCluster.start(options)))
})

test('the embedded broker answers as Kafka 4.1.1 does, except where the list of differences says otherwise', () => {
  const surprising = found.filter(difference => !listed.some(entry => explains(entry, difference)))
  assert.deepEqual(surprising, [])
})

test('every listed difference is there', () => {
  const obsolete = listed.filter(entry => !found.some(difference => explains(entry, difference)))
  assert.deepEqual(obsolete, [])
})

function explains(entry: Listed, { where, kafka, ours }: Difference): boolean {
  return entry.where.test(where) && (entry.kafka ?? kafka) === kafka && (entry.ours ?? ours) === ours
}
