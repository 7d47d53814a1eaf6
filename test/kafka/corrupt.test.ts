import assert from 'node:assert/strict'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Consumer, MillraceError } from '../../src/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const perBatch = 10
const batches = 14
/** In a record batch: https://kafka.apache.org/documentation/#recordbatch */
const place = { length: 8, magic: 16, recordCount: 57, records: 61 }

/** Where each batch of a segment begins. */
async function batchStarts(file: string): Promise<number[]> {
  const bytes = await readFile(file)
  const starts: number[] = []
  for (let at = 0; at + 12 < bytes.length && bytes.readInt32BE(at + 8) > 0; at += 12 + bytes.readInt32BE(at + 8)) {
    starts.push(at)
  }
  return starts
}

async function overwrite(file: string, at: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.write(bytes, 0, bytes.length, at)
  await handle.close()
}

/** Offsets of these batches. */
function offsetsOf(...which: number[]): number[] {
  return which.flatMap(batch => Array.from({ length: perBatch }, (_, n) => batch * perBatch + n))
}

test('what is damaged on disk stops a consumer, which names it, or is left out alone', async () => {
  await using cluster = await KafkaCluster.start()
  // With an index entry for each batch, the broker finds what lies behind one that it cannot read.
  await cluster.createTopic('orders', { config: { 'index.interval.bytes': '0' } })
  for (let batch = 0; batch < batches; batch++) {
    const messages = offsetsOf(batch).map(offset => ({ value: `message ${offset}`, partition: 0 }))
    await cluster.write('orders', messages)
  }
  await cluster.stop(1)
  const file = join(cluster.folder, 'node-1/orders-0/00000000000000000000.log')
  const starts = await batchStarts(file)
  assert.equal(starts.length, batches)
  const damage = (batch: number, at: number, ...bytes: number[]) => {
    return overwrite(file, (starts[batch] as number) + at, Buffer.from(bytes))
  }
  await damage(2, place.records + 20, 0xff)
  await damage(4, place.recordCount, 0, 0, 0, 99)
  await damage(6, place.magic, 77)
  await damage(9, place.length, 0, 0, 0, 3)
  await cluster.restart(1)

  const seen: number[] = []
  const told: (number | undefined)[] = []
  const consumerOf = (onCorrupt: 'fail' | 'skip') => {
    const { brokers } = cluster
    const consumer = new Consumer({ brokers, logLevel: 'silent', fetch: { onCorrupt } })
    return consumer.topic({ topic: 'orders', partitions: [0] }, ({ offset }) => void seen.push(offset))
  }
  const failing = consumerOf('fail').run()
  await assert.rejects(failing, (error: unknown) => {
    assert.ok(error instanceof MillraceError)
    assert.deepEqual([error.code, error.topic, error.partition], ['CORRUPT_BATCH', 'orders', 0])
    // The header of the later one is read before the records of the first.
    assert.ok(error.offset === 20 || error.offset === 40, `offset ${error.offset}`)
    return true
  })
  assert.deepEqual(seen, offsetsOf(0, 1).slice(0, seen.length))

  seen.length = 0
  const skipping = consumerOf('skip')
  skipping.on('corrupt', ({ offset }) => told.push(offset))
  await using run = running(skipping)
  const last = batches * perBatch - 1
  await until('the end is read', () => seen.includes(last) || run.error !== null, 60_000)
  assert.equal(run.error, null)
  assert.deepEqual(
    seen.filter(offset => Math.floor(offset / perBatch) !== 10),
    offsetsOf(0, 1, 3, 5, 7, 8, 11, 12, 13),
  )
  // Of the batch behind a damaged length the broker finds the last message only: its index has no other.
  assert.deepEqual(
    seen.filter(offset => Math.floor(offset / perBatch) === 10),
    [109],
  )
  // The header of a later one may be read before the records of an earlier one, as above.
  const damaged = told.toSorted((a, b) => Number(a) - Number(b))
  assert.deepEqual(damaged, [20, 40, 60, ...offsetsOf(9, 10).slice(0, -1)])
  await until('the lag is 0', () => skipping.state().partitions[0]?.lag === 0)
})
