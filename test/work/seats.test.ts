import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Seats } from '../../src/work/seats.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { Calls, Harness, route } from './harness.ts'

const PARTITIONS = 5

/** Partitions of so many messages, whose handlers need seats. */
function seated(places: number, messages: number) {
  const harness = new Harness()
  const seats = new Seats<FakeMessage>()
  seats.resize(places)
  const calls = new Calls()
  const { dispatcher } = harness
  const shared = route(calls.handle, { order: 'none', seats })
  const claims = Array.from({ length: PARTITIONS }, (_, partition) => {
    return new FakeClaim(partition, new Array(messages).fill(null))
  })
  for (const claim of claims) dispatcher.add(claim, shared)
  return { harness, seats, calls, claims }
}

for (const places of [1, 2, 3]) {
  test(`partitions take turns at ${places} seats, a message each`, async () => {
    const { harness, calls, claims } = seated(places, 20)
    for (let ended = 0; ended < 20 * PARTITIONS; ended++) {
      await harness.turn()
      const [offset] = calls.running
      assert.ok(offset !== undefined && calls.running.length <= places)
      calls.of(Number(offset)).resolve()
      await harness.turn()
      const taken = claims.map(claim => claim.taken)
      assert.ok(Math.max(...taken) - Math.min(...taken) <= 1, `after ${ended}: ${taken}`)
    }
    harness.dispatcher.close()
  })
}

test('a seat that its partition does not need is offered to the next one', async () => {
  const { harness, calls, claims } = seated(1, 1)
  await harness.turn()
  for (const claim of claims.slice(0, 3)) claim.dispatchable = false
  for (let left = PARTITIONS; left > 3; left--) {
    calls.all.at(-1)?.resolve()
    await harness.turn()
  }
  assert.deepEqual(
    claims.map(({ taken }) => taken),
    [1, 0, 0, 1, 1],
  )
  calls.all.at(-1)?.resolve()
  await harness.turn()
  for (const claim of claims) {
    claim.dispatchable = true
    harness.dispatcher.wake(claim)
  }
  await harness.turn()
  assert.deepEqual(calls.running.length, 1)
  harness.dispatcher.close()
})

test('what waits for a seat waits without a timeout, and starts when there are more seats', async () => {
  const { harness, seats, calls } = seated(0, 2)
  await harness.clock.advance(600_000)
  assert.deepEqual([calls.all.length, harness.timeouts], [0, []])
  seats.resize(3)
  await harness.turn()
  assert.equal(calls.running.length, 3)
  seats.resize(-2)
  for (const { resolve } of calls.all.slice(0, 2)) resolve()
  await harness.turn()
  assert.equal(calls.running.length, 1)
  harness.dispatcher.close()
})
