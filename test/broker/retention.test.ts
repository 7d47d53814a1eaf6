import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longestTimerMs } from '../../src/base/clock.ts'
import { batchCost } from '../../src/broker/log/batches.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { LogBench } from './log-bench.ts'

const minute = 60_000
const value = 'v'.repeat(1_000)
const batchBytes = writeBatch([{ value }], { now: 0 }).length

/** Writes a batch of one record to a partition of `t`, and answers the error code. */
async function write(bench: LogBench, index = 0): Promise<number> {
  const records = writeBatch([{ value }], { now: bench.clock.wallTime() })
  const topicData = [{ name: 't', partitionData: [{ index, records }] }]
  const answer = await bench.ask('Produce', 9, { acks: 1, timeoutMs: 1, topicData })
  return answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
}

test('at least retention.bytes stay, the oldest batches beyond go with the next one', async () => {
  const bench = new LogBench()
  bench.set({ 'retention.bytes': String(3 * batchBytes) })
  for (let at = 0; at < 10; at++) await write(bench)
  assert.deepEqual([bench.log.startOffset, bench.log.size], [7, 3 * batchBytes])
  bench.set({ 'retention.bytes': String(3 * batchBytes + 1) })
  await write(bench)
  assert.deepEqual([bench.log.startOffset, bench.log.size], [7, 4 * batchBytes])
  bench.set({ 'retention.bytes': '0' })
  await write(bench)
  assert.deepEqual([bench.log.startOffset, bench.log.size], [11, batchBytes], 'what was just written stays')
  await bench.clock.advance(5 * minute)
  assert.deepEqual([bench.log.startOffset, bench.log.size], [12, 0], 'until the next look')
  bench.cluster.close()
})

test('batches whose records are older than retention.ms go when that is looked at, the oldest first', async () => {
  const bench = new LogBench({ config: { 'log.retention.check.interval.ms': '1000' } })
  bench.set({ 'retention.ms': '10000' })
  await bench.write(['old'], { now: 0 })
  await bench.clock.advance(999)
  assert.equal(bench.log.startOffset, 0)
  await bench.clock.advance(1)
  assert.equal(bench.log.startOffset, 1)
  await write(bench)
  await bench.write(['old'], { now: 0 })
  await bench.clock.advance(10_000)
  assert.equal(bench.log.startOffset, 1, 'behind a newer one an old one stays')
  await bench.clock.advance(1_000)
  assert.deepEqual([bench.log.startOffset, bench.log.highWatermark], [3, 3])
  bench.set({ 'retention.ms': '-1' })
  await bench.write(['old'], { now: 0 })
  await bench.clock.advance(10 * minute)
  assert.equal(bench.log.startOffset, 3)
  bench.cluster.close()
})

test('a topic that is only compacted keeps what is old', async () => {
  const bench = new LogBench()
  bench.set({ 'cleanup.policy': 'compact', 'retention.bytes': '0', 'retention.ms': '0' })
  await bench.write([['a', 'old']], { now: 0 })
  await bench.clock.advance(10 * minute)
  assert.equal(bench.log.startOffset, 0)
  bench.cluster.close()
})

test('when the memory of all logs is used up, the largest gives up its oldest batches', async () => {
  const each = batchBytes + batchCost
  const bench = new LogBench({ logBytes: 32 * each })
  for (let at = 0; at < 4; at++) await write(bench, 1)
  for (let at = 0; at < 100; at++) assert.equal(await write(bench), 0)
  const small = bench.partition('t', 1).log
  assert.deepEqual([small.startOffset, small.highWatermark], [0, 4], 'the small one keeps all')
  assert.ok(bench.log.memory <= 28 * each && bench.log.memory >= 25 * each)
  assert.equal(bench.log.highWatermark, 100)
  assert.equal((await bench.read({ offset: bench.log.startOffset })).length, 100 - bench.log.startOffset)
  bench.cluster.close()
})

test('where nothing may be deleted, nothing more is taken, and room that is given back can be used', async () => {
  const bench = new LogBench({ logBytes: 10 * (batchBytes + batchCost) })
  bench.set({ 'cleanup.policy': 'compact' })
  const codes: number[] = []
  for (let at = 0; at < 12; at++) {
    const records = writeBatch([{ key: 'a', value }], { now: 0 })
    codes.push((await bench.send(records)).errorCode)
  }
  assert.deepEqual(new Set(codes.slice(0, 9)), new Set([0]))
  assert.equal(codes.at(-1), errorCodes.KAFKA_STORAGE_ERROR)
  await bench.log.compact()
  assert.equal((await bench.send(writeBatch([{ key: 'a', value }], { now: 0 }))).errorCode, 0)
  const topic = bench.cluster.topics.get('t')
  assert.ok(topic)
  bench.cluster.topics.delete(topic)
  bench.cluster.topics.create({ name: 't' })
  for (let at = 0; at < 10; at++) assert.equal(await write(bench), 0)
  bench.cluster.close()
})

test('one timer looks after all logs, and none is left when the cluster is closed', () => {
  const bench = new LogBench()
  const before = bench.clock.timers
  for (const name of ['x', 'y', 'z']) bench.cluster.topics.create({ name, partitions: 10 })
  assert.equal(bench.clock.timers, before)
  bench.cluster.close()
  assert.equal(bench.clock.timers, 0)
})

test('a retention check that is longer than a timer can wait for is not made all the time', () => {
  const bench = new LogBench({ config: { 'log.retention.check.interval.ms': String(2n ** 63n - 1n) } })
  assert.equal((bench.clock.nextAt ?? 0) - bench.clock.now(), longestTimerMs)
  bench.cluster.close()
})
