import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { differences } from './comparison.ts'
import { listed } from './listed.ts'
import { recorded } from './recorded.ts'
import { answers } from './rounds.ts'

let found: readonly string[]

before(async () => {
  found = differences(await recorded(), await answers(options => EmbeddedCluster.start(options)))
})

test('the embedded broker answers as Kafka 4.1.1 does, except where the list of differences says otherwise', () => {
  assert.deepEqual(
    found.filter(line => !listed.some(entry => entry.lines.test(line))),
    [],
  )
})

test('every listed difference is there', () => {
  const obsolete = listed.filter(({ lines }) => !found.some(line => lines.test(line)))
  assert.deepEqual(obsolete, [])
})
