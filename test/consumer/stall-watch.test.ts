import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claim } from '../../src/consumer/claim.ts'
import { type Movement, StallWatch } from '../../src/consumer/stall-watch.ts'
import { VirtualClock } from '../virtual-clock.ts'

/** A watch of one partition, whose movement a test sets, and what it told. */
function watched(stallAfterMs = 30_000) {
  const clock = new VirtualClock()
  const claim = {} as Claim
  const told: string[] = []
  let movement: Movement = { behind: true, marks: [0, 0, 0] }
  const watch = new StallWatch({
    clock,
    stallAfterMs,
    claims: [claim],
    movement: () => movement,
    stalled: (_, afterMs) => told.push(`stalled after ${afterMs}`),
    wentOn: () => told.push('went on'),
  })
  const ticker = clock.every(50, () => watch.tick(clock.now()))
  const set = (next: Partial<Movement>) => {
    movement = { ...movement, ...next }
  }
  return { clock, told, set, since: () => watch.stalledSince(claim), close: () => ticker.cancel() }
}

test('a partition that stands still is told once, then that it goes on, and once again', async () => {
  const { clock, told, set, since, close } = watched()
  await clock.advance(30_950)
  assert.deepEqual([told, since()], [[], null])
  await clock.advance(50)
  assert.deepEqual(told, ['stalled after 30000'])
  assert.equal(since(), clock.wallTime() - 30_000)
  await clock.advance(60_000)
  assert.equal(told.length, 1)
  set({ marks: [1, 0, 0] })
  await clock.advance(1_000)
  assert.deepEqual([told.at(-1), since()], ['went on', null])
  await clock.advance(30_000)
  assert.deepEqual(told.length, 3)
  close()
  await clock.advance(100_000)
  assert.equal(told.length, 3)
})

for (const [what, marks] of [
  ['a message is handed out', [1, 0, 0]],
  ['one is handed out again', [0, 1, 0]],
  ['what holds no message is passed', [0, 0, 1]],
] as const) {
  test(`it is not stalled when ${what} now and then`, async () => {
    const { clock, told, set, close } = watched()
    for (let round = 1; round < 5; round++) {
      await clock.advance(29_000)
      set({ marks: [marks[0] * round, marks[1] * round, marks[2] * round] })
    }
    assert.deepEqual(told, [])
    close()
  })
}

test('the time begins when it is behind, and not when it last moved', async () => {
  const { clock, told, set, close } = watched()
  set({ behind: false })
  await clock.advance(3_600_000)
  set({ behind: true })
  await clock.advance(29_000)
  assert.deepEqual(told, [])
  await clock.advance(1_000)
  assert.equal(told.length, 1)
  close()
})

test('time in which the process was stopped does not count', async () => {
  const { clock, told, close } = watched()
  await clock.advance(5_000)
  // All timers fire once, late, as they do when a process goes on.
  const now = clock.now.bind(clock)
  clock.now = () => now() + 3_600_000
  await clock.advance(20_000)
  assert.deepEqual(told, [])
  await clock.advance(10_000)
  assert.equal(told.length, 1)
  close()
})
