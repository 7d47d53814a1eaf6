import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differences } from '../probe/comparison.ts'
import { theEnd } from '../probe/probe.ts'
import { record, recorded } from '../probe/recorded.ts'
import { answers } from '../probe/rounds.ts'
import { KafkaCluster } from './kafka-cluster.ts'

/** Kafka looks for transactions that took too long every 10 s, unless told otherwise. */
const quick = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '50',
  // Messages of the scripts are old: they must not be deleted while a slow machine runs them.
  'log.initial.task.delay.ms': '600000',
}

// The embedded broker is held to these answers in `test/probe`. `RECORD_ANSWERS=1` records them anew.
test('Kafka 4.1.1 answers as it was recorded', async () => {
  const kafka = await answers(options => {
    return KafkaCluster.start({ ...options, config: { ...options.config, ...quick } })
  })
  const cut = [...kafka].filter(([, steps]) => steps.has(theEnd)).map(([script, steps]) => [script, steps.get(theEnd)])
  assert.deepEqual(cut, [], 'scripts that did not come to their end')
  if (process.env.RECORD_ANSWERS) await record(kafka)
  // "ours" is what was recorded.
  assert.deepEqual(differences(kafka, await recorded()), [])
})
