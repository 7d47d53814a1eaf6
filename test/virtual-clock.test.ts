import assert from 'node:assert/strict'
import test from 'node:test'
import { sleep } from '../src/base/clock.ts'
import { seededRandom } from '../src/base/random.ts'
import { VirtualClock } from './virtual-clock.ts'

test('timers fire in the order of their due times, equal ones in the order they were set', async () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  clock.after(20, () => seen.push(`late ${clock.now()}`))
  clock.after(10, () => seen.push(`first ${clock.now()}`))
  clock.after(10, () => seen.push(`second ${clock.now()}`))
  clock.after(5, () => seen.push('never')).cancel()
  const every = clock.every(8, () => seen.push(`every ${clock.now()}`))
  clock.soon(() => seen.push('soon'))
  await clock.advance(15)
  assert.deepEqual(seen, ['soon', 'every 8', 'first 10', 'second 10'])
  await clock.advance(15)
  assert.deepEqual(seen.slice(4), ['every 16', 'late 20', 'every 24'])
  every.cancel()
  assert.equal(clock.timers, 0)
  assert.equal(clock.nextAt, null)
  assert.equal(clock.now(), 30)
})

test('what promises set in motion is part of the same advance', async () => {
  const clock = new VirtualClock(1000)
  let rounds = 0
  const loop = async () => {
    for (;;) {
      await sleep(clock, 10)
      rounds++
    }
  }
  void loop()
  await clock.advance(95)
  assert.equal(rounds, 9)
})

test('whatever is set and cancelled in between, the timers that are left fire once, in order', async () => {
  const random = seededRandom(7)
  const clock = new VirtualClock()
  const fired: number[] = []
  const left = new Map<number, number>()
  for (let id = 0; id < 2_000; id++) {
    const ms = Math.floor(random() * 50)
    const timer = clock.after(ms, () => fired.push(id))
    if (random() < 0.8) timer.cancel()
    else left.set(id, ms)
  }
  assert.equal(clock.timers, left.size)
  await clock.advance(50)
  const inOrder = [...left].sort((a, b) => a[1] - b[1] || a[0] - b[0]).map(([id]) => id)
  assert.deepEqual(fired, inOrder)
  assert.equal(clock.timers, 0)
})
