import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Lanes } from '../../src/work/lanes.ts'
import { Slot } from '../../src/work/slot.ts'
import type { FakeMessage } from './fake-claim.ts'

function slotIn(lane: number): Slot<FakeMessage> {
  const slot = new Slot<FakeMessage>(
    () => {},
    () => {},
  )
  slot.lane = lane
  return slot
}

test('each lane is a queue of its own, also where lanes share a bucket', () => {
  // Equal lowest 16 bits share a bucket; lanes of whole partitions are negative.
  const lane = fc.constantFrom(1, 1 + 2 ** 16, 1 + 2 ** 17, 2, -2, -2 - 2 ** 16)
  const step = fc.record({ lane, enter: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const lanes = new Lanes<FakeMessage>()
      const model = new Map<number, Slot<FakeMessage>[]>()
      for (const { lane, enter } of steps) {
        const queue = model.get(lane) ?? []
        model.set(lane, queue)
        if (enter) {
          const slot = slotIn(lane)
          assert.equal(lanes.enter(slot), queue.at(-1) ?? null)
          queue.push(slot)
        } else {
          const first = queue.shift()
          if (first !== undefined) assert.equal(lanes.leave(first), queue[0] ?? null)
        }
      }
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('lanes stay what they are while their table grows', () => {
  const lanes = new Lanes<FakeMessage>()
  const count = 70_000
  const slots = Array.from({ length: count }, (_, index) => slotIn(index * 7))
  for (const slot of slots) assert.equal(lanes.enter(slot), null)
  const followers = slots.map(slot => slotIn(slot.lane))
  for (const [index, follower] of followers.entries()) assert.equal(lanes.enter(follower), slots[index])
  for (const [index, slot] of slots.entries()) assert.equal(lanes.leave(slot), followers[index])
  for (const follower of followers) assert.equal(lanes.leave(follower), null)
  assert.equal(lanes.enter(slotIn(7)), null)
})
