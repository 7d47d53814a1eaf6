import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { COMPRESSIONS } from '../../src/records/record-batch.ts'
import { changed } from '../records/batches.ts'
import { LogBench, waits } from './log-bench.ts'

const latest = -1
const earliest = -2
const largest = -3
const earliestLocal = -4
const latestTiered = -5
const unknown = { errorCode: 0, offset: -1, timestamp: -1, leaderEpoch: -1 }

test('the ends of a log are told with the epochs of their leaders', async () => {
  const bench = new LogBench({ nodes: 2 })
  await bench.write(['0', '1'])
  bench.partition().elect(2)
  await bench.send(writeBatch([{ value: '2' }], { now: 0 }), { node: 2 })
  const on = { node: 2 }
  assert.deepEqual(await bench.listed(latest, on), { errorCode: 0, offset: 3, timestamp: -1, leaderEpoch: 1 })
  assert.deepEqual(await bench.listed(earliest, on), { errorCode: 0, offset: 0, timestamp: -1, leaderEpoch: 0 })
  await bench.deleteBefore(2, 2)
  for (const first of [earliest, earliestLocal]) {
    assert.deepEqual(await bench.listed(first, on), { errorCode: 0, offset: 2, timestamp: -1, leaderEpoch: 1 })
  }
  assert.deepEqual(await bench.listed(latestTiered, on), unknown)
  bench.cluster.close()
})

test('a timestamp is found at the first record that is not older, in any compression', async () => {
  const compression = fc.constantFrom(...COMPRESSIONS)
  const batch = fc.record({ times: fc.array(fc.nat(50), { minLength: 1, maxLength: 5 }), compression })
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { maxLength: 8 }), fc.nat(20), fc.nat(55), async (batches, start, timestamp) => {
      const bench = new LogBench()
      const times: number[] = []
      for (const { times: own, compression } of batches) {
        const records = own.map(time => ({ value: 'v', timestamp: time }))
        await bench.send(writeBatch(records, { compression }))
        times.push(...own)
      }
      await bench.deleteBefore(Math.min(start, times.length))
      const found = times.findIndex((time, offset) => offset >= start && time >= timestamp)
      assert.deepEqual(await bench.listed(timestamp), told(found, times))
      // It is looked for by batch: where its record was deleted and the batch was not, it is not found.
      if (start === 0) assert.deepEqual(await bench.listed(largest), told(times.indexOf(Math.max(...times)), times))
      bench.cluster.close()
    }),
    { numRuns: 200 },
  )
})

function told(offset: number, times: readonly number[]) {
  return offset < 0 ? unknown : { errorCode: 0, offset, timestamp: times[offset], leaderEpoch: 0 }
}

test('records that cannot be read are found at the first of their batch', async () => {
  const bench = new LogBench()
  await bench.write(['0'], { now: 5 })
  const garbage = changed(writeBatch([{ value: '1' }, { value: '2' }], { now: 8 }), bytes => bytes.writeInt16BE(1, 21))
  assert.equal((await bench.send(garbage)).errorCode, 0)
  const found = { errorCode: 0, offset: 1, timestamp: 8, leaderEpoch: 0 }
  assert.deepEqual(await bench.listed(6), found)
  assert.deepEqual(await bench.listed(largest), found)
  bench.cluster.close()
})

test('timestamps that stand for something else are known from their versions on', async () => {
  const bench = new LogBench()
  const code = async (timestamp: number, version: number) => (await bench.listed(timestamp, { version })).errorCode
  const { UNSUPPORTED_VERSION: no } = errorCodes
  assert.deepEqual([await code(latest, 1), await code(earliest, 1)], [0, 0])
  assert.deepEqual([await code(largest, 6), await code(largest, 7)], [no, 0])
  assert.deepEqual([await code(earliestLocal, 7), await code(earliestLocal, 8)], [no, 0])
  assert.deepEqual([await code(latestTiered, 8), await code(latestTiered, 9)], [no, 0])
  assert.equal(await code(-6, 10), no)
  bench.cluster.close()
})

test('only the leader answers, under the epoch that the client knows, and each partition once', async () => {
  const bench = new LogBench({ nodes: 2 })
  bench.partition().elect(2)
  const { NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, INVALID_REQUEST } = errorCodes
  assert.equal((await bench.listed(latest, { node: 1 })).errorCode, NOT_LEADER_OR_FOLLOWER)
  assert.equal((await bench.listed(latest, { node: 2, epoch: 0 })).errorCode, FENCED_LEADER_EPOCH)
  assert.equal((await bench.listed(latest, { node: 2, epoch: 2 })).errorCode, UNKNOWN_LEADER_EPOCH)
  const ask = async (replicaId: number, isolationLevel: number, ...partitions: number[]) => {
    const asked = partitions.map(partitionIndex => ({ partitionIndex, timestamp: latest }))
    const body = { replicaId, isolationLevel, topics: [{ name: 't', partitions: asked }] }
    const answer = await bench.ask('ListOffsets', 7, body, { node: 1 })
    return answer.topics[0]?.partitions.map(each => [each.partitionIndex, each.errorCode])
  }
  assert.deepEqual(await ask(-2, 0, 0), [[0, 0]], 'a tool that asks whoever there is')
  assert.deepEqual(await ask(-2, 0, 0, 7, 0), [
    [0, INVALID_REQUEST],
    [7, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  ])
  assert.deepEqual(await ask(-1, 2, 0), [[0, -1]])
  bench.cluster.close()
})

test('look-ups by time leave turns to others, however many there are and whatever headers claim', async () => {
  const bench = new LogBench()
  const lying = changed(writeBatch([{ value: '1', timestamp: 1 }], { compression: 'gzip' }), bytes => {
    bytes.writeBigInt64BE(9n, 35)
  })
  for (let at = 0; at < 20; at++) assert.equal((await bench.send(lying)).errorCode, 0)
  assert.ok((await turnsDuring(bench.listed(8))) >= 20)
  const topics = new Array(20).fill({ name: 't', partitions: [{ partitionIndex: 0, timestamp: 10 }] })
  assert.ok((await turnsDuring(bench.ask('ListOffsets', 7, { replicaId: -1, topics }))) >= 19)
  bench.cluster.close()
})

/** Turns of the event loop that others get until this is settled. */
async function turnsDuring(promise: Promise<unknown>): Promise<number> {
  let turns = 0
  while (await waits(promise)) turns++
  return turns
}
