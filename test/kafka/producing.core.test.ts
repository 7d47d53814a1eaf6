import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { fnv1a } from '../../src/producer/partitioners/fnv1a.ts'
import { murmur2 } from '../../src/producer/partitioners/murmur2.ts'
import { javaSessions } from '../peers/java-sessions.ts'
import { kafkajsSessions } from '../peers/kafkajs-sessions.ts'
import { readsProducer } from '../peers/millrace.ts'
import { platformaticSessions } from '../peers/platformatic-sessions.ts'
import { rdkafka, rdkafkaSessions } from '../peers/rdkafka-sessions.ts'
import { testSessions } from '../peers/sessions.ts'
import {
  type KnownPlace,
  knownPlaces,
  MOST_PARTITIONS,
  mixed,
  recordPlaces,
  someKeys,
} from '../producer/known-places.ts'
import { anyBatch, type JavaBatch, ours, recordedBatches, recordedPath } from '../records/java-batches.ts'
import { kafkaVersion } from './jars.ts'
import { runJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const seed = Number(process.env.SEED ?? 1)
const record = process.env.RECORD_PRODUCING !== undefined

async function java(questions: readonly object[]): Promise<unknown[]> {
  const input = questions.map(question => `${JSON.stringify(question)}\n`).join('')
  const sources = [join(import.meta.dirname, 'java/Producing.java')]
  const { code, stdout, stderr } = await runJava('Producing', [], { sources, input })
  assert.equal(code, 0, stderr)
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
}

async function javaBatches(runs: number, seed: number): Promise<JavaBatch[]> {
  const told = fc.sample(anyBatch, { seed, numRuns: runs })
  const answers = (await java(told.map(batch => ({ do: 'batch', ...batch })))) as { bytes: string }[]
  return told.map((batch, at) => ({ told: batch, bytes: answers[at]?.bytes ?? '' }))
}

async function javaPlaces(keys: readonly string[]): Promise<KnownPlace[]> {
  const asked = keys.map(key => ({ do: 'murmur2', key, partitions: MOST_PARTITIONS }))
  const answers = (await java(asked)) as Omit<KnownPlace, 'key'>[]
  return keys.map((key, at) => ({ key, ...(answers[at] as Omit<KnownPlace, 'key'>) }))
}

function goPlaces(keys: readonly string[]): KnownPlace[] {
  const file = join(import.meta.dirname, '../producer/go/main.go')
  const { stdout, stderr, status } = spawnSync('go', ['run', file], { input: keys.map(key => `${key}\n`).join('') })
  assert.equal(status, 0, String(stderr))
  const lines = String(stdout).trim().split('\n')
  return keys.map((key, at) => {
    const [hash, mixed] = (lines[at] ?? '').split(' ').map(Number)
    return { key, hash: hash ?? Number.NaN, mixed: mixed ?? Number.NaN }
  })
}

// Some tests need no Kafka and no Java; they are held to what is recorded here. `RECORD_PRODUCING=1` records it anew.
test(`batches are byte for byte what Kafka ${kafkaVersion} writes: those that were recorded, and others`, async () => {
  const known = await javaBatches(200, 1)
  if (record) writeFileSync(recordedPath, gzipSync(JSON.stringify(known), { level: 9 }))
  assert.deepEqual(
    recordedBatches().map(({ bytes }) => bytes),
    known.map(({ bytes }) => bytes),
  )
  for (const { told, bytes } of await javaBatches(3_000, seed + 1)) {
    assert.equal(ours(told), bytes, `SEED=${seed}: ${JSON.stringify(told)}`)
  }
})

test(`keys go where Kafka ${kafkaVersion} puts them, among any number of partitions`, async () => {
  const known = await javaPlaces(someKeys(1, 300))
  if (record) recordPlaces('java', known)
  assert.deepEqual(knownPlaces('java'), known)
  for (const { key, ...place } of await javaPlaces(someKeys(seed + 1, 2_000))) {
    const hash = murmur2(Buffer.from(key, 'hex'))
    assert.deepEqual({ hash, mixed: mixed('murmur2', key) }, place, `SEED=${seed}: ${key}`)
  }
})

const hasGo = spawnSync('go', ['version']).status === 0

test('FNV-1a is that of Go', { skip: hasGo ? false : 'Go is not installed' }, () => {
  // The last one has the lowest int32.
  const known = goPlaces([...someKeys(1, 300), Buffer.from('rdklaij').toString('hex')])
  if (record) recordPlaces('go', known)
  assert.deepEqual(knownPlaces('go'), known)
  for (const { key, ...place } of goPlaces(someKeys(seed + 1, 2_000))) {
    const hash = fnv1a(Buffer.from(key, 'hex'))
    assert.deepEqual({ hash, mixed: mixed('fnv1a', key) }, place, `SEED=${seed}: ${key}`)
  }
})

const readers = {
  'Kafka’s own consumer': javaSessions,
  kafkajs: kafkajsSessions,
  '@platformatic/kafka': platformaticSessions,
  ...(rdkafka === undefined ? {} : { 'node-rdkafka': rdkafkaSessions }),
}
const sessions = Object.entries(readers).map(([client, sessions]) => [
  `${client}: ${readsProducer}`,
  sessions[readsProducer],
])
testSessions(`on Kafka ${kafkaVersion}`, Object.fromEntries(sessions), () => KafkaCluster.start({}))
