import assert from 'node:assert/strict'
import test from 'node:test'
import { Pace } from '../../src/cli/pace.ts'
import { VirtualClock } from '../virtual-clock.ts'

/** How many went in each of so many steps of the clock, while as many as can go always wait. */
async function taken(pace: Pace, clock: VirtualClock, steps: readonly number[]): Promise<number[]> {
  const stop = new AbortController()
  let count = 0
  const taking = (async () => {
    for (;;) count += await pace.take(1_000_000, stop.signal)
  })().catch(() => {})
  const counts: number[] = []
  for (const ms of steps) {
    const before = count
    await clock.advance(ms)
    counts.push(count - before)
  }
  stop.abort()
  await taking
  return counts
}

test('a rate is kept evenly, below and above one in a millisecond', async () => {
  const slow = new VirtualClock()
  assert.deepEqual(await taken(new Pace(2, 20, slow), slow, [1, 400, 99, 500, 500]), [1, 0, 1, 1, 1])
  const fast = new VirtualClock()
  const counts = await taken(
    new Pace(4_000, 20, fast),
    fast,
    Array.from({ length: 100 }, () => 1),
  )
  assert.ok(
    counts.every(count => count >= 3 && count <= 6),
    counts.join(),
  )
  const sum = counts.reduce((total, count) => total + count, 0)
  assert.ok(Math.abs(sum - 400) <= 4, String(sum))
})

test('time that was lost is made up for a little, or in full where that is wanted', async () => {
  for (const [catchUpMs, expected] of [
    [20, 21],
    [Number.POSITIVE_INFINITY, 1_001],
  ] as const) {
    const clock = new VirtualClock()
    const pace = new Pace(1_000, catchUpMs, clock)
    const { signal } = new AbortController()
    assert.equal(await pace.take(1, signal), 1)
    await clock.advance(1_001)
    assert.equal(await pace.take(1_000_000, signal), expected)
  }
})
