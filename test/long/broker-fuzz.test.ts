import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiTable } from '../../src/broker/api/table.ts'
import { BrokerFuzz } from '../broker/broker-fuzz.ts'
import { SaslFuzz } from '../broker/sasl-fuzz.ts'

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
  const withoutSasl = Object.keys(apiTable).filter(name => !name.startsWith('Sasl'))
  assert.deepEqual([...fuzz.reached].sort(), withoutSasl.sort())
  const grown = heapUsed + arrayBuffers - heapAfterFirst
  assert.ok(grown < 200_000_000, `memory has grown by ${grown} bytes`)
  const { answered, silent, closed, parked } = fuzz.counts
  t.diagnostic(`${answered} answered, ${silent} silent, ${closed} closed, ${parked} had to wait`)
})

test('half a million clients that go astray while they authenticate leave no memory behind', async t => {
  const fuzz = new SaslFuzz(seed)
  let heapAfterFirst = 0
  for (let round = 0; round < 10; round++) {
    await fuzz.run(50_000)
    if (round === 0) heapAfterFirst = process.memoryUsage().heapUsed
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  fuzz.desk.close()
  const grown = heapUsed + arrayBuffers - heapAfterFirst
  assert.ok(grown < 100_000_000, `memory has grown by ${grown} bytes`)
  const { open, closed, taken } = fuzz.counts
  t.diagnostic(`${taken} messages were taken, ${closed} connections closed, ${open} left open`)
})
