import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { COMPRESSIONS, RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { changed } from '../records/batches.ts'
import { LogBench, type Short, waits } from './log-bench.ts'
import { LogWriters } from './log-writers.ts'

const day = 86_400_000

function compacted(): LogBench {
  const bench = new LogBench({ config: { 'producer.id.expiration.ms': '2147483647' } })
  bench.set({ 'cleanup.policy': 'compact' })
  return bench
}

/** Batches as `first-last`, with how many records they hold. */
function batchesOf(bench: LogBench): string[] {
  const { pieces } = bench.log.read(bench.log.startOffset, 'read_uncommitted', 1e9, true)
  const bytes = Buffer.concat(pieces)
  return splitBatches(bytes, 0, bytes.length, { topic: 't', partition: 0 }).batches.map(batch => {
    assert.ok(batch.crcValid)
    return `${batch.baseOffset}-${batch.lastOffset}:${batch.count}${batch.isControl ? ' marker' : ''}`
  })
}

test('the latest value of each key stays where it is, and all offsets are the same as before', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'long '.repeat(10))
  const record = fc.tuple(key, fc.option(fc.string({ maxLength: 5 })))
  const batch = fc.record({
    records: fc.array(record, { minLength: 1, maxLength: 4 }),
    compression: fc.constantFrom(...COMPRESSIONS),
    compact: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 15 }), async batches => {
      const bench = compacted()
      const written: (readonly [number, string, string | null])[] = []
      for (const { records, compression, compact } of batches) {
        written.push(...records.map(([key, value], at) => [written.length + at, key, value] as const))
        await bench.write(records, { compression })
        if (compact) await bench.log.compact()
      }
      await bench.log.compact()
      const latest = new Map(written.map(each => [each[1], each[0]]))
      const kept = await bench.read()
      assert.deepEqual(
        kept,
        written.filter(([offset, key]) => latest.get(key) === offset),
      )
      assert.equal(bench.log.highWatermark, written.length)
      assert.equal(bench.log.startOffset, 0)
      assert.equal(await bench.write(['next'].map(value => [value, value] as const)), written.length)
      bench.cluster.close()
    }),
    { numRuns: 60 },
  )
})

test('among transactions too, a reader of what is committed gets the latest value of each key, and nothing else that it should not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const writers = new LogWriters(compacted(), seededRandom(seed))
      const { bench } = writers
      for (let step = 0; step < 40; step++) {
        writers.anything()
        if (writers.below(8) === 0) await bench.log.compact()
        if (writers.below(8) === 0) await bench.clock.advance(day)
      }
      const visible = writers.visible(0, true)
      const latest = new Map(visible.map(offset => [writers.keys[offset], offset]))
      const read = await bench.read({ committed: true, partitionMaxBytes: writers.below(400) })
      const offsets = read.map(([offset]) => offset)
      assert.deepEqual(
        offsets.filter(offset => !visible.includes(offset)),
        [],
      )
      assert.deepEqual(
        [...latest.values()].filter(offset => !offsets.includes(offset)),
        [],
      )
      assert.deepEqual(
        read.map(each => each[2]),
        offsets.map(String),
      )
      bench.cluster.close()
    }),
    { numRuns: 60 },
  )
})

test('batches keep their first and last offset, and vanish without records; the last one stays, empty', async () => {
  const bench = compacted()
  await bench.write([
    ['a', '0'],
    ['b', '1'],
    ['c', '2'],
  ])
  await bench.write([['a', '3']])
  await bench.write([['c', '4']])
  await bench.write([
    ['c', '5'],
    ['a', '6'],
  ])
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['0-2:1', '5-6:2'])
  assert.deepEqual(await bench.read({ offset: 3 }), [
    [5, 'c', '5'],
    [6, 'a', '6'],
  ])
  assert.equal((await bench.fetch({ offset: 3, maxWaitMs: 1_000 })).errorCode, 0, 'a gap is in the log')
  await bench.write([['b', null]])
  await bench.log.compact()
  await bench.clock.advance(day)
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['5-6:2', '7-7:0'])
  bench.cluster.close()
})

test('a tombstone stays for delete.retention.ms after it was first seen', async () => {
  const bench = compacted()
  await bench.write([['a', '0']])
  await bench.write([
    ['a', null],
    ['b', '2'],
  ])
  await bench.log.compact()
  assert.deepEqual(await bench.read(), [
    [1, 'a', null],
    [2, 'b', '2'],
  ])
  await bench.clock.advance(day - 1)
  await bench.log.compact()
  assert.equal((await bench.read()).length, 2)
  await bench.clock.advance(1)
  await bench.log.compact()
  assert.deepEqual(await bench.read(), [[2, 'b', '2']])
  bench.cluster.close()
})

/** Appends a batch of a producer's transaction. */
function append(bench: LogBench, producerId: number, baseSequence: number, records: readonly Short[]): void {
  const input = records.map(record => ({ key: record[0], value: record[1] ?? null }))
  const options = { producerId, producerEpoch: 0, baseSequence, transactional: true, now: bench.clock.wallTime() }
  const appended = bench.partition().append(new RecordBatch(writeBatch(input, options)), -1)
  assert.ok('baseOffset' in appended)
}

test('aborted records go, and their marker once nothing else is left of the transaction', async () => {
  const bench = compacted()
  await bench.write([['a', '0']])
  append(bench, 1, 0, [['a', 'aborted']])
  bench.partition().endTransaction(1, 0, 'abort')
  append(bench, 2, 0, [['b', 'committed']])
  bench.partition().endTransaction(2, 0, 'commit')
  append(bench, 1, 1, [['c', 'later']])
  bench.partition().endTransaction(1, 0, 'commit')
  await bench.write([['d', '7']])
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), [
    '0-0:1',
    '2-2:1 marker',
    '3-3:1',
    '4-4:1 marker',
    '5-5:1',
    '6-6:1 marker',
    '7-7:1',
  ])
  assert.deepEqual(
    (await bench.read({ committed: true })).map(each => each[2]),
    ['0', 'committed', 'later', '7'],
  )
  await bench.log.compact()
  await bench.clock.advance(day)
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['0-0:1', '3-3:1', '4-4:1 marker', '5-5:1', '6-6:1 marker', '7-7:1'])
  assert.deepEqual((await bench.fetch({ committed: true })).abortedTransactions, [])
  bench.cluster.close()
})

test('what is not stable is not compacted', async () => {
  const bench = compacted()
  await bench.write([['a', '0']])
  append(bench, 1, 0, [['b', 'open']])
  await bench.write([['a', '2']])
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['0-0:1', '1-1:1', '2-2:1'])
  bench.partition().endTransaction(1, 0, 'commit')
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['1-1:1', '2-2:1', '3-3:1 marker'])
  bench.cluster.close()
})

test('the last batch of a producer that is known stays, empty, so that its sequence is not lost', async () => {
  const bench = compacted()
  const write = (value: string, baseSequence: number, producerId: number) =>
    bench.write([['a', value]], { producerId, producerEpoch: 0, baseSequence })
  await write('0', 0, 1)
  await write('1', 1, 1)
  await write('2', 0, 2)
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['1-1:0', '2-2:1'])
  assert.equal(await write('1', 1, 1), 1, 'sent again')
  assert.equal(await write('3', 2, 1), 3)
  bench.cluster.close()
})

test('a batch whose records cannot be read stays whole', async () => {
  const bench = compacted()
  const garbage = changed(writeBatch([{ key: 'a', value: '0' }], { now: 0 }), bytes => void bytes.writeInt16BE(1, 21))
  await bench.send(garbage)
  await bench.write([['b', '1']])
  await bench.write([['b', '2']])
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['0-0:1', '2-2:1'])
  bench.cluster.close()
})

test('what is appended and deleted meanwhile is not lost, nor comes back', async () => {
  const bench = compacted()
  // Large enough to be inflated beside the event loop.
  const large = randomBytes(300_000).toString('base64')
  for (const value of ['0', '1', large, '3']) await bench.write([['a', value]], { compression: 'gzip' })
  await bench.write([['b', '4']])
  const running = bench.log.compact()
  assert.equal(bench.log.compact(), running)
  assert.ok(await waits(running))
  bench.log.deleteBefore(2)
  await bench.write([['a', '5']])
  await running
  assert.deepEqual(batchesOf(bench), ['3-3:1', '4-4:1', '5-5:1'])
  await bench.log.compact()
  assert.deepEqual(batchesOf(bench), ['4-4:1', '5-5:1'])
  bench.cluster.close()
})
