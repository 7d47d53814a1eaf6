import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { Attempt } from '../../src/work/context.ts'
import { Deadlines } from '../../src/work/deadlines.ts'
import { HandlerTimeout } from '../../src/work/failure.ts'
import { Slot } from '../../src/work/slot.ts'
import { FakeMessage } from './fake-claim.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function running(offset: number): Slot<FakeMessage> {
  const slot = new Slot<FakeMessage>(
    () => {},
    () => {},
  )
  slot.message = new FakeMessage(0, offset, null)
  slot.attempt = new Attempt(slot.message, 1, 0, { clock: systemClock, logger: quiet })
  return slot
}

test('signals are aborted in the order of the starts, and slots answered when abandonMs is over too', () => {
  const deadlines = new Deadlines<FakeMessage>(100, 50, () => {})
  const slots = [running(0), running(1), running(2)]
  for (const [index, slot] of slots.entries()) deadlines.add(slot, 10 * index)
  assert.equal(deadlines.expire(99), null)
  assert.deepEqual(
    slots.map(slot => slot.attempt?.aborted ?? null),
    [null, null, null],
  )
  assert.equal(deadlines.expire(110), null)
  assert.deepEqual(
    slots.map(slot => slot.attempt?.aborted instanceof HandlerTimeout),
    [true, true, false],
  )
  assert.equal(deadlines.expire(159), null)
  assert.equal(deadlines.expire(160), slots[0])
  deadlines.remove(slots[0] as Slot<FakeMessage>)
  assert.equal(deadlines.expire(160), slots[1])
  assert.deepEqual([...deadlines], [slots[1], slots[2]])
})

test('whoever ends before its time is over is not told', () => {
  const deadlines = new Deadlines<FakeMessage>(100, 50, () => {})
  const [early, late] = [running(0), running(1)]
  deadlines.add(early, 0)
  deadlines.add(late, 0)
  deadlines.remove(early)
  deadlines.expire(100)
  assert.equal(early.attempt?.aborted, null)
  assert.ok(late.attempt?.aborted)
  deadlines.remove(late)
  assert.deepEqual([...deadlines], [])
  assert.equal(deadlines.expire(1_000), null)
})

test('those that started while the event loop stood still begin anew, and older ones do not', () => {
  const deadlines = new Deadlines<FakeMessage>(100, 50, () => {})
  const [old, fresh] = [running(0), running(1)]
  deadlines.add(old, 0)
  deadlines.add(fresh, 60)
  deadlines.restart(50, 300)
  deadlines.expire(300)
  assert.ok(old.attempt?.aborted)
  assert.equal(fresh.attempt?.aborted, null)
  deadlines.expire(400)
  assert.ok(fresh.attempt?.aborted)
})
