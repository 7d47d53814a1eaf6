import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiTable } from '../../src/broker/api/table.ts'
import { BrokerFuzz } from '../broker/broker-fuzz.ts'

const seed = Number(process.env.SEED ?? 1)
const rounds = 40
const framesPerRound = 50_000
Error.stackTraceLimit = 0

test('two million frames are answered or close their connection, and leave no memory behind', async t => {
  const fuzz = new BrokerFuzz(seed)
  let heapAfterFirst = 0
  for (let round = 0; round < rounds; round++) {
    await fuzz.run(framesPerRound)
    if (round === 0) heapAfterFirst = process.memoryUsage().heapUsed
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  fuzz.desk.close()
  assert.equal(fuzz.clock.timers, 0)
  assert.deepEqual([...fuzz.reached].sort(), Object.keys(apiTable).sort())
  const grown = heapUsed + arrayBuffers - heapAfterFirst
  assert.ok(grown < 200_000_000, `memory has grown by ${grown} bytes`)
  const { answered, silent, closed, parked } = fuzz.counts
  t.diagnostic(`${answered} answered, ${silent} silent, ${closed} closed, ${parked} had to wait`)
})
