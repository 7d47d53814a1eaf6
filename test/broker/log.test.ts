import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Batches } from '../../src/broker/log/batches.ts'
import { LeaderEpochs } from '../../src/broker/log/leader-epochs.ts'
import { Pieces, Slabs } from '../../src/broker/log/slabs.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { COMPRESSIONS, RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { LogBench } from './log-bench.ts'

test('whatever was appended is read back, from any offset and with any limits', async () => {
  const batch = fc.record({ count: fc.integer({ min: 1, max: 8 }), compression: fc.constantFrom(...COMPRESSIONS) })
  const appends = fc.array(batch, { minLength: 1, maxLength: 20 })
  const limit = fc.integer({ min: 0, max: 600 })
  await fc.assert(
    fc.asyncProperty(appends, fc.nat(), limit, limit, async (batches, from, maxBytes, partitionMaxBytes) => {
      const bench = new LogBench()
      const written: string[] = []
      for (const { count, compression } of batches) {
        const values = Array.from({ length: count }, (_, at) => `value ${written.length + at}`)
        assert.equal(await bench.write(values, { compression }), written.length)
        written.push(...values)
      }
      const offset = from % (written.length + 1)
      const read = await bench.read({ offset, maxBytes, partitionMaxBytes })
      assert.deepEqual(
        read,
        written.slice(offset).map((value, at) => [offset + at, null, value]),
      )
      bench.cluster.close()
    }),
    { numRuns: 100 },
  )
})

test('batches are found by any of their offsets, behind gaps too, and counted by bytes', () => {
  const steps = fc.array(fc.record({ gap: fc.nat(3), count: fc.integer({ min: 1, max: 4 }), drop: fc.boolean() }))
  fc.assert(
    fc.property(
      steps,
      fc.nat(100),
      fc.nat(100),
      fc.nat(1_000),
      fc.boolean(),
      (all, from, end, maxBytes, atLeastOne) => {
        const batches = new Batches()
        const slabs = new Slabs()
        let model: RecordBatch[] = []
        let next = 0
        for (const { gap, count, drop } of all) {
          const records = Array.from({ length: count }, () => ({ value: 'v' }))
          const batch = new RecordBatch(slabs.place(writeBatch(records, { baseOffset: next + gap, now: 0 })))
          batches.push(batch)
          model.push(batch)
          next = batch.lastOffset + 1
          if (!drop) continue
          batches.dropOldest()
          model = model.slice(1)
        }
        assert.deepEqual([...batches], model)
        assert.equal(batches.bytes, bytesOf(model))
        const wanted = model.filter(batch => batch.lastOffset >= from && batch.lastOffset < end)
        assert.equal(batches.bytesBetween(from, end), bytesOf(wanted))
        const slice = batches.slice(from, end, maxBytes, atLeastOne)
        const readable = model.filter(batch => from < end && batch.lastOffset >= from && batch.baseOffset < end)
        const first = readable[0]?.buffer.length ?? 0
        const limit = first <= maxBytes ? maxBytes : atLeastOne ? first : 0
        const expected = Buffer.concat(readable.map(batch => batch.buffer)).subarray(0, limit)
        assert.deepEqual(Buffer.concat(slice.pieces), expected)
        assert.equal(slice.bytes, expected.length)
      },
    ),
  )
})

function bytesOf(batches: readonly RecordBatch[]): number {
  return batches.reduce((sum, batch) => sum + batch.buffer.length, 0)
}

test('a batch goes out as it came in, without a copy, but for its offset and epoch', async () => {
  const bench = new LogBench()
  await bench.write(['before'])
  const sent = writeBatch([{ key: 'k', value: 'v', headers: { h: '1' } }], { now: 5, compression: 'gzip' })
  await bench.send(sent)
  const [first, again] = [0, 1].map(() => bench.log.read(1, 'read_uncommitted', 1_000, true).pieces[0] as Buffer)
  assert.ok(first && again)
  assert.equal(first.buffer, again.buffer)
  assert.deepEqual(first.subarray(16), sent.subarray(16))
  const batch = new RecordBatch(first)
  assert.deepEqual([batch.baseOffset, batch.leaderEpoch, batch.crcValid], [1, 0, true])
  bench.cluster.close()
})

test('small batches lie side by side and are read in few pieces, large ones have memory of their own', () => {
  const slabs = new Slabs()
  const placed = Array.from({ length: 4_000 }, (_, at) => slabs.place(Buffer.alloc(100, at)))
  assert.ok(placed.every((bytes, at) => bytes.every(byte => byte === at % 256)))
  const pieces = new Pieces()
  for (const bytes of placed) pieces.add(bytes, 100)
  assert.equal(pieces.bytes, 400_000)
  assert.deepEqual(Buffer.concat(pieces.finish()), Buffer.concat(placed))
  assert.ok(pieces.finish().length < 20)
  assert.equal(placed[0]?.buffer.byteLength, 4_096, 'what holds little takes little')
  assert.equal(slabs.place(Buffer.alloc(100_000)).buffer.byteLength, 100_000)
})

test('a fetch ends in the middle of a batch where its limit is', async () => {
  const bench = new LogBench()
  await bench.write(['a'.repeat(100)])
  await bench.write(['b'.repeat(100)])
  const whole = (await bench.fetch()).records as Buffer
  const cut = (await bench.fetch({ partitionMaxBytes: whole.length - 10 })).records as Buffer
  assert.deepEqual(cut, whole.subarray(0, whole.length - 10))
  assert.equal(splitBatches(cut, 0, cut.length, { topic: 't', partition: 0 }).batches.length, 1)
  bench.cluster.close()
})

test('the log begins where it was told to, in the middle of a batch too', async () => {
  const bench = new LogBench()
  await bench.write(['0', '1', '2'])
  await bench.write(['3', '4'])
  assert.deepEqual(await bench.deleteBefore(1), { start: 1 })
  assert.deepEqual(await bench.deleteBefore(0), { start: 1 }, 'never back')
  assert.equal((await bench.fetch({ offset: 0 })).errorCode, 1)
  assert.equal((await bench.read({ offset: 1 })).length, 4)
  assert.deepEqual(await bench.deleteBefore(3), { start: 3 })
  assert.equal(bench.log.size, (await bench.fetch({ offset: 3 })).records?.length, 'the first batch is gone')
  assert.deepEqual(await bench.deleteBefore(6), { errorCode: 1 })
  assert.deepEqual(await bench.deleteBefore(-2), { errorCode: 1 })
  assert.deepEqual(await bench.deleteBefore(-1), { start: 5 })
  assert.equal(bench.log.size, 0)
  assert.equal(await bench.write(['5']), 5)
  bench.set({ 'cleanup.policy': 'compact' })
  assert.deepEqual(await bench.deleteBefore(6), { errorCode: 44 })
  bench.cluster.close()
})

test('an epoch ends where the next one begins that wrote something', () => {
  const epochs = new LeaderEpochs()
  epochs.begin(0, 0)
  epochs.begin(1, 0)
  epochs.begin(2, 10)
  epochs.begin(4, 20)
  const ends = (logEnd: number) => [-1, 0, 1, 2, 3, 4, 5].map(epoch => Object.values(epochs.endOf(epoch, logEnd)))
  const unknown = [-1, -1]
  assert.deepEqual(ends(30), [unknown, [0, 0], [1, 10], [2, 20], [2, 20], [4, 30], unknown])
  epochs.moveStart(15)
  assert.deepEqual(ends(30), [unknown, [0, 15], [1, 15], [2, 20], [2, 20], [4, 30], unknown])
  assert.deepEqual([epochs.earliest(15), epochs.earliest(14)], [2, -1])
})

test('a leader that moves writes under a new epoch, and clients can find out where the old one ended', async () => {
  const bench = new LogBench({ nodes: 2 })
  await bench.write(['0', '1'])
  bench.partition().elect(2)
  await bench.send(writeBatch([{ value: '2' }], { now: 0 }), { node: 2 })
  const ask = (leaderEpoch: number, currentLeaderEpoch: number, node: number) => {
    const topics = [{ topic: 't', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }]
    return bench.ask('OffsetForLeaderEpoch', 4, { replicaId: -1, topics }, { node })
  }
  const told = async (...asked: [number, number, number]) => {
    const { errorCode, leaderEpoch, endOffset } = (await ask(...asked)).topics[0]?.partitions[0] ?? {}
    return [errorCode, leaderEpoch, endOffset]
  }
  assert.deepEqual(await told(0, -1, 2), [0, 0, 2])
  assert.deepEqual(await told(1, 1, 2), [0, 1, 3])
  assert.deepEqual(await told(0, -1, 1), [6, -1, -1], 'not the leader')
  assert.deepEqual(await told(0, 0, 2), [74, -1, -1], 'the client knows an older epoch')
  assert.deepEqual(await told(0, 2, 2), [75, -1, -1], 'the client knows a newer epoch')
  bench.cluster.close()
})
