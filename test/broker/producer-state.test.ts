import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { Log } from '../../src/broker/log/log.ts'
import { LogSpace } from '../../src/broker/log/log-space.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { type BatchOptions, writeBatch } from '../../src/records/batch-writer.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { LogBench } from './log-bench.ts'

const { OUT_OF_ORDER_SEQUENCE_NUMBER: gap, INVALID_PRODUCER_EPOCH: fenced } = errorCodes
const lastSequence = 0x7fff_ffff

/** Sends a batch of an idempotent producer; answers its offset, or the error code as a text. */
async function send(bench: LogBench, baseSequence: number, more: BatchOptions & { count?: number } = {}) {
  const { count = 1, ...options } = more
  const records = Array.from({ length: count }, () => ({ value: 'v' }))
  const producer = { producerId: 7, producerEpoch: 0, baseSequence, now: 5 }
  const { errorCode, baseOffset } = await bench.send(writeBatch(records, { ...producer, ...options }))
  return errorCode === 0 ? baseOffset : `error ${errorCode}`
}

test('each of the last five batches can be sent again and keeps its offset', async () => {
  const bench = new LogBench()
  for (let sequence = 0; sequence < 7; sequence++) assert.equal(await send(bench, sequence), sequence)
  for (const sequence of [6, 2, 4]) assert.equal(await send(bench, sequence), sequence)
  assert.equal(await send(bench, 1), `error ${gap}`, 'the sixth last')
  assert.equal(await send(bench, 5, { count: 2 }), `error ${gap}`, 'another batch')
  assert.equal(bench.log.highWatermark, 7)
  const again = await bench.send(
    writeBatch([{ value: 'v' }], { producerId: 7, producerEpoch: 0, baseSequence: 6, now: 5 }),
  )
  assert.deepEqual([again.baseOffset, again.logAppendTimeMs], [6, 5], 'its timestamp is told as the append time')
  bench.cluster.close()
})

test('sequences go on without gaps, and from 0 behind the largest', async () => {
  const bench = new LogBench()
  assert.equal(await send(bench, 0, { count: 3 }), 0)
  assert.equal(await send(bench, 4), `error ${gap}`)
  assert.equal(await send(bench, 3), 3)
  const other = { producerId: 8 }
  assert.equal(await send(bench, lastSequence - 1, { ...other, count: 4 }), 4)
  assert.equal(await send(bench, 2, other), 8)
  assert.equal(await send(bench, lastSequence - 1, { ...other, count: 4 }), 4, 'sent again')
  const exact = { producerId: 9 }
  assert.equal(await send(bench, lastSequence, exact), 9)
  assert.equal(await send(bench, 1, exact), `error ${gap}`)
  assert.equal(await send(bench, 0, exact), 10)
  bench.cluster.close()
})

test('a producer that is not known begins where it likes, a new epoch begins at 0, and an old one is over', async () => {
  const bench = new LogBench()
  assert.equal(await send(bench, 5), 0)
  assert.equal(await send(bench, 6), 1)
  assert.equal(await send(bench, 7, { producerEpoch: 2 }), `error ${gap}`)
  assert.equal(await send(bench, 0, { producerEpoch: 2 }), 2)
  assert.equal(await send(bench, 7), `error ${fenced}`)
  assert.equal(await send(bench, 6), `error ${fenced}`, 'sent again, too late')
  const huge = { producerId: 2n ** 60n }
  assert.deepEqual([await send(bench, 3, huge), await send(bench, 3, huge)], [3, 3])
  assert.equal(await send(bench, 3, { producerId: 2n ** 60n + 1n }), 4)
  bench.cluster.close()
})

test('a producer is forgotten when it was silent for long enough', async () => {
  const bench = new LogBench({ config: { 'producer.id.expiration.ms': '600000' } })
  assert.equal(await send(bench, 0), 0)
  await bench.clock.advance(590_000)
  assert.equal(await send(bench, 2), `error ${gap}`)
  await bench.clock.advance(310_000)
  assert.equal(await send(bench, 2), 1)
  bench.cluster.close()
})

test('the number of producers that are remembered is bounded: those not heard of for longest are forgotten', () => {
  const bench = new LogBench()
  const { clock } = bench
  const space = new LogSpace(clock, { bytes: 1e9, producers: 32, retentionCheckMs: 1_000 })
  const { config } = bench.partition().topic
  const [large, small] = ['large', 'small'].map(
    name => new Log({ name, config: () => config, clock, space, producerExpirationMs: 1e9 }),
  )
  const append = (log: Log | undefined, producerId: number, transactional = false) =>
    log?.append(
      new RecordBatch(
        writeBatch([{ value: 'v' }], { producerId, producerEpoch: 0, baseSequence: 0, transactional, now: 5 }),
      ),
    )
  const known = (log: Log | undefined) => [...(log?.activeProducers() ?? [])].map(each => each.producerId)
  append(small, 1)
  append(large, 0, true)
  for (let id = 1; id <= 100; id++) append(large, id)
  assert.deepEqual(known(small), [1], 'the log that knows most forgets')
  assert.ok(known(large).length >= 28 && known(large).length <= 31)
  assert.deepEqual([known(large)[0], known(large).at(-1)], [0, 100], 'a producer with an open transaction stays')
  bench.cluster.close()
})

test('what a client that repeats and reorders gets appended is each batch once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const bench = new LogBench()
      const random = seededRandom(seed)
      const offsets = new Map([[0, 0]])
      await send(bench, 0)
      for (let step = 0, next = 1; step < 60; step++) {
        const sequence = Math.max(0, next - 8 + Math.floor(random() * 10))
        const result = await send(bench, sequence)
        if (sequence === next) {
          assert.equal(result, next)
          offsets.set(sequence, next++)
        } else {
          const repeated = sequence < next && sequence >= next - 5
          assert.equal(result, repeated ? offsets.get(sequence) : `error ${gap}`)
        }
      }
      bench.cluster.close()
    }),
    { numRuns: 30 },
  )
})
