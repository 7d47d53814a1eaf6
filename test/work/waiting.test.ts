import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Slot } from '../../src/work/slot.ts'
import { Waiting } from '../../src/work/waiting.ts'
import { VirtualClock } from '../virtual-clock.ts'
import type { FakeMessage } from './fake-claim.ts'

function newSlot(): Slot<FakeMessage> {
  return new Slot<FakeMessage>(
    () => {},
    () => {},
  )
}

test('slots come when they are due, the longest due first, and never those that were removed', () => {
  const step = fc.record({ inMs: fc.nat(1_000), remove: fc.boolean(), passMs: fc.nat(300) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const clock = new VirtualClock()
      const came: Slot<FakeMessage>[] = []
      const waiting = new Waiting<FakeMessage>(clock, slot => {
        assert.ok(slot.due <= clock.now())
        assert.ok((came.at(-1)?.due ?? 0) <= slot.due)
        assert.equal(slot.heapIndex, -1)
        came.push(slot)
      })
      const expected = new Set<Slot<FakeMessage>>()
      for (const { inMs, remove, passMs } of steps) {
        const slot = newSlot()
        waiting.add(slot, clock.now() + inMs)
        expected.add(slot)
        if (remove) {
          const [victim = slot] = waiting.slots()
          waiting.remove(victim)
          expected.delete(victim)
        }
        const until = clock.now() + passMs
        while ((clock.nextAt ?? Number.POSITIVE_INFINITY) <= until) clock.step()
        clock.skip(until - clock.now())
        for (const slot of expected) assert.equal(came.includes(slot), slot.due <= clock.now())
        assert.equal(waiting.size, expected.size - came.length)
        assert.ok(clock.timers <= 1)
      }
      while (clock.step());
      assert.deepEqual(new Set(came), expected)
      assert.equal(waiting.size, 0)
      assert.equal(clock.timers, 0)
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('a wait longer than a timer can take is waited for in parts', () => {
  const clock = new VirtualClock()
  let came = false
  const waiting = new Waiting<FakeMessage>(clock, () => {
    came = true
  })
  const month = 40 * 86_400_000
  waiting.add(newSlot(), month)
  clock.step()
  assert.equal(came, false)
  assert.ok(clock.now() < 2 ** 31)
  clock.step()
  assert.equal(came, true)
  assert.equal(clock.now(), month)
})

test('nothing comes and no timer is left once it is cleared', () => {
  const clock = new VirtualClock()
  const waiting = new Waiting<FakeMessage>(clock, () => assert.fail('it came'))
  waiting.add(newSlot(), 10)
  waiting.add(newSlot(), 20)
  waiting.clear()
  assert.equal(clock.timers, 0)
  assert.equal(waiting.size, 0)
  assert.equal(clock.step(), false)
})
