import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differences } from '../probe/comparison.ts'
import { record, recorded } from '../probe/recorded.ts'
import { answers } from '../probe/rounds.ts'
import { KafkaCluster } from './kafka-cluster.ts'

// The embedded broker is held to these answers in `test/probe`. `RECORD_ANSWERS=1` records them anew.
test('Kafka 4.1.1 answers as it was recorded', async () => {
  const kafka = await answers(options => KafkaCluster.start(options))
  if (process.env.RECORD_ANSWERS) await record(kafka)
  // "ours" is what was recorded.
  assert.deepEqual(differences(kafka, await recorded()), [])
})
