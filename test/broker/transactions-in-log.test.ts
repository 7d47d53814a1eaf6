import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { markerOf } from '../../src/records/marker.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { LogBench, waits } from './log-bench.ts'
import { LogWriters } from './log-writers.ts'

test('who reads what is committed gets all of it, and nothing that was aborted or is undecided', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const writers = new LogWriters(new LogBench(), seededRandom(seed))
      const { bench } = writers
      for (let step = 0; step < 40; step++) {
        writers.anything()
        if (writers.below(20) === 0) bench.log.deleteBefore(writers.below(writers.fates.length))
      }
      assert.equal(bench.log.highWatermark, writers.fates.length)
      assert.equal(bench.log.lastStableOffset, writers.lastStable)
      for (const committed of [true, false]) {
        const start = bench.log.startOffset
        const offset = start + writers.below(writers.fates.length - start)
        const read = await bench.read({ offset, committed, partitionMaxBytes: writers.below(400) })
        assert.deepEqual(
          read.map(([at, , value]) => [at, value]),
          writers.visible(offset, committed).map(at => [at, String(at)]),
        )
      }
      bench.cluster.close()
    }),
    { numRuns: 150 },
  )
})

test('the end of a transaction is a control batch, and who waits for stable records is woken by it', async () => {
  const writers = new LogWriters(new LogBench(), () => 0)
  const { bench } = writers
  writers.append(1)
  writers.append(-1)
  const parked = bench.fetch({ committed: true, maxWaitMs: 1_000 })
  assert.ok(await waits(parked))
  const { highWatermark, lastStableOffset } = await bench.fetch({ committed: true })
  assert.deepEqual([highWatermark, lastStableOffset], [2, 0])
  assert.deepEqual((await bench.listed(-1, { committed: true })).offset, 0)
  assert.deepEqual((await bench.listed(0, { committed: true })).offset, -1, 'found beyond what is stable')
  bench.partition().endTransaction(1, 3, 'abort')
  const { records, abortedTransactions } = await parked
  assert.deepEqual(abortedTransactions, [{ producerId: 1, firstOffset: 0 }])
  const { batches } = splitBatches(records as Buffer, 0, records?.length ?? 0, { topic: 't', partition: 0 })
  const marker = batches.at(-1) as RecordBatch
  assert.deepEqual(
    [marker.isControl, markerOf(marker), marker.producerId, marker.producerEpoch, marker.baseOffset, marker.crcValid],
    [true, 'abort', 1, 3, 2, true],
  )
  assert.deepEqual((await bench.listed(-1, { committed: true })).offset, 3)
  bench.cluster.close()
})

test('within a transaction its producer writes nothing else, and after a marker with a new epoch it begins at 0', async () => {
  const bench = new LogBench()
  const append = (producerEpoch: number, baseSequence: number, transactional: boolean) => {
    const options = { producerId: 1, producerEpoch, baseSequence, transactional, now: 0 }
    const appended = bench.partition().append(new RecordBatch(writeBatch([{ value: 'v' }], options)), -1)
    return 'errorCode' in appended ? appended.errorCode : 0
  }
  const { INVALID_TXN_STATE, INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER } = errorCodes
  assert.equal(append(0, 0, true), 0)
  assert.equal(append(0, 1, false), INVALID_TXN_STATE)
  bench.partition().endTransaction(1, 0, 'commit')
  assert.equal(append(0, 1, true), 0, 'the same epoch goes on')
  bench.partition().endTransaction(1, 1, 'commit')
  assert.equal(append(0, 2, true), INVALID_PRODUCER_EPOCH)
  assert.equal(append(1, 2, true), OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(append(1, 0, true), 0)
  assert.deepEqual(
    [...bench.log.activeProducers()].map(({ producerId, epoch, openSince }) => [producerId, epoch, openSince]),
    [[1, 1, 4]],
  )
  bench.cluster.close()
})

test('a transactional batch is appended where its coordinator knows of it, and newer clients need not tell it before', async () => {
  const bench = new LogBench()
  const { transactions } = bench.cluster
  const producer = transactions.init('mine', 60_000, null)
  assert.ok(typeof producer === 'object')
  const send = async (version: number, epoch: number, transactionalId = 'mine') => {
    const options = { producerId: producer.id, producerEpoch: epoch, baseSequence: 0, transactional: true, now: 0 }
    const records = writeBatch([{ value: 'v' }], options)
    const topics = bench.cluster.topics.get('t')
    const topic = { ...(version >= 13 ? { topicId: topics?.id ?? '' } : { name: 't' }) }
    const topicData = [{ ...topic, partitionData: [{ index: 0, records }] }]
    const answer = await bench.ask('Produce', version, { transactionalId, acks: -1, timeoutMs: 1, topicData })
    return answer.responses[0]?.partitionResponses[0]?.errorCode
  }
  const { INVALID_TXN_STATE, TRANSACTION_ABORTABLE, INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH } = errorCodes
  assert.equal(await send(10, 0), INVALID_TXN_STATE)
  assert.equal(await send(11, 0), TRANSACTION_ABORTABLE)
  assert.equal(await send(13, 0, 'nobody'), INVALID_PRODUCER_ID_MAPPING)
  assert.equal(await send(13, 1), INVALID_PRODUCER_EPOCH)
  assert.equal(bench.log.highWatermark, 0)
  assert.equal(await send(13, 0), 0)
  assert.deepEqual([bench.log.highWatermark, bench.log.lastStableOffset], [1, 0])
  bench.cluster.close()
})
