import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { Broker, type FaultAction } from '../../src/broker/index.ts'
import { Consumer } from '../../src/index.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const partitions = 6
const perPartition = 60

/** What only ends a session, and what ends more. */
const sessionErrors: readonly FaultAction<'Fetch'>[] = [
  { error: 'FETCH_SESSION_ID_NOT_FOUND' },
  { error: 'INVALID_FETCH_SESSION_EPOCH' },
  { error: 'FETCH_SESSION_TOPIC_ID_ERROR' },
]
const others: readonly FaultAction<'Fetch'>[] = [
  { error: 'INCONSISTENT_TOPIC_ID' },
  { drop: 'before' },
  { drop: 'after' },
  { delayMs: 5 },
]

/**
 * Reads all of a topic while it is written, and while a third of the fetches of a session fail. Partitions leave the session and come
 * back all the time, as their reservoirs are small.
 */
async function readUnder(
  seed: number,
  harms: readonly FaultAction<'Fetch'>[],
): Promise<{ stalls: number; harmed: number }> {
  const random = seededRandom(seed)
  await using broker = await Broker.start({ nodes: 2, topics: { orders: partitions }, seed })
  const faults = harms.map(action => {
    return broker.fault({
      api: 'Fetch',
      when: ({ body }) => (body.sessionEpoch > 0 || others.includes(action)) && random() < 0.3 / harms.length,
      action,
    })
  })
  const seen = Array.from({ length: partitions }, (): number[] => [])
  let stalls = 0
  const consumer = new Consumer({
    brokers: broker.brokers,
    group: 'shop',
    logLevel: 'silent',
    reconnect: { minMs: 1, maxMs: 5 },
    fetch: { reservoir: { messages: 8 }, partitionMaxBytes: 300, maxWaitMs: 20, fetchers: 1 + (seed % 2) },
  }).topic({ topic: 'orders', partitions: [0, 1, 2, 3, 4, 5] }, ({ partition, offset }) => {
    seen[partition]?.push(offset)
  })
  consumer.on('stalled', () => stalls++)
  await using _ = running(consumer)
  const producer = new TestProducer(broker.brokers)
  for (let written = 0; written < perPartition; written += 5) {
    const messages = Array.from({ length: partitions * 5 }, (_, index) => ({
      value: 'x',
      partition: index % partitions,
    }))
    await producer.write('orders', messages, {})
  }
  const all = Array.from({ length: perPartition }, (_, offset) => offset)
  await until('all was read', () => seen.every(({ length }) => length >= perPartition))
  const harmed = faults.reduce((sum, { hits }) => sum + hits, 0)
  for (const fault of faults) fault.remove()
  await until('nothing lags behind', () => consumer.state().partitions.every(({ lag }) => lag === 0))
  for (const offsets of seen) assert.deepEqual(offsets, all, `seed ${seed}`)
  return { stalls, harmed }
}

/**
 * Reads under the seeds from this one on: at least so many, and more until so many fetches failed, as the machine's speed says how many do
 * in one. Answers the seeds under which a partition stalled.
 */
async function readUntilHarmed(first: number, seeds: number, wanted: number, harms: readonly FaultAction<'Fetch'>[]) {
  let harmed = 0
  const stalled: number[] = []
  for (let seed = first; seed < first + seeds || (harmed <= wanted && seed < first + 10 * seeds); seed++) {
    const under = await readUnder(seed, harms)
    harmed += under.harmed
    if (under.stalls > 0) stalled.push(seed)
  }
  assert.ok(harmed > wanted, `${harmed} fetches failed`)
  return stalled
}

test('sessions that are lost at any time lose no message, repeat none, and are no trouble', async () => {
  assert.deepEqual(await readUntilHarmed(1, 6, 60, sessionErrors), [])
})

test('neither do connections that break, answers that are late, and topics that seem to be others', async () => {
  await readUntilHarmed(11, 3, 30, [...sessionErrors, ...others])
})

test('a partition that is taken anew while nothing is written knows its end at once', async () => {
  await using broker = await Broker.start({ topics: { orders: 2 } })
  await new TestProducer(broker.brokers).write('orders', [{ value: 'x', partition: 0 }], {})
  const consumer = new Consumer({ brokers: broker.brokers, group: 'shop', logLevel: 'silent' })
  const seen: number[] = []
  consumer.topic({ topic: 'orders', partitions: [0, 1] }, ({ offset }) => void seen.push(offset))
  await using _ = running(consumer)
  const lags = () => consumer.state().partitions.map(({ lag }) => lag)
  await until('all is read', () => seen.length === 1 && lags().every(lag => lag === 0))
  consumer.seek({ topic: 'orders', partition: 1 }, 'latest')
  await until('the lag is known', () => lags().length === 2 && lags().every(lag => lag === 0))
})
