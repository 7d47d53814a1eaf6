import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Consumer, string } from '../../src/index.ts'
import { type ExpectedMessage, type MessageSet, messageSets, recordedSets } from '../records/message-sets.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'
import { kafkaVersion } from './jars.ts'
import { runJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

async function messageSetsOf(...args: string[]): Promise<string> {
  const sources = [join(import.meta.dirname, 'java/MessageSets.java')]
  const { code, stdout, stderr } = await runJava('MessageSets', args, { sources })
  assert.equal(code, 0, stderr)
  return stdout
}

test('the recorded message sets are what Kafka writes', async () => {
  // What is compressed may differ from one Java to another.
  const told = (sets: readonly MessageSet[]) =>
    sets.map(({ name, bytes }) => [name, name.includes('-none-') ? bytes.toString('hex') : ''])
  assert.deepEqual(told(messageSets(await messageSetsOf())), told(recordedSets))
})

test(`a log that holds every format and compression is read whole from Kafka ${kafkaVersion}, and committed`, async () => {
  await using cluster = await KafkaCluster.start({ topics: { old: 1 } })
  await cluster.kill(1)
  // The log as old brokers left it: nothing but a segment, from which the node makes all else.
  const folder = join(cluster.folder, 'node-1/old-0')
  for (const file of await readdir(folder)) if (file !== 'partition.metadata') await rm(join(folder, file))
  await messageSetsOf(join(folder, '00000000000000000000.log'))
  await cluster.restart(1)
  const [written] = await cluster.write('old', [{ key: 'new', value: 'newest' }])

  const expected = recordedSets.flatMap(({ messages }) => messages)
  const end = (expected.at(-1)?.offset ?? 0) + 1
  assert.equal(written?.offset, end)
  const seen: ExpectedMessage[] = []
  const options = { brokers: cluster.brokers, group: 'readers', logLevel: 'silent' } as const
  const consumer = new Consumer({ ...options, work: { order: 'partition' } }).topic(
    'old',
    { key: string, value: string },
    ({ offset, timestamp, timestampType, key, value }) => {
      seen.push({ offset, timestamp, timestampType, key, value })
    },
  )
  {
    await using run = running(consumer)
    await until(
      'all is read',
      () => run.error !== null || (seen.length > expected.length && lag(consumer) === 0),
      60_000,
    )
    assert.equal(run.error, null)
  }
  assert.deepEqual(seen.slice(0, -1), expected)
  assert.deepEqual([seen.at(-1)?.offset, seen.at(-1)?.value], [end, 'newest'])
  assert.equal((await cluster.committed('readers'))[0]?.offset, end + 1)
})
