import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { GroupWorld } from './group-world.ts'

const stepMs = 3_000
/** Longer than anything in a group takes: a member that is gone is waited for, left out, and missed. */
const patienceMs = 600_000

test('whatever members do, each generation has one leader, everybody gets what it assigned, and no request is forgotten', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(0, 5_000), (seed, initialDelayMs) => {
      const world = new GroupWorld(seededRandom(seed), initialDelayMs)
      for (let step = 0; step < 200; step++) world.anything()
      for (let ms = 0; ms < patienceMs && !world.settled; ms += stepMs) {
        for (const client of world.clients) client.goOn()
        world.pass(stepMs)
      }
      assert.ok(world.settled, 'clients that do as they should come to a stable group of exactly them')
      world.pass(patienceMs)
      assert.equal(world.group.state, 'Empty', 'who is not heard of is a member no more')
      world.end()
    }),
    { numRuns: 150 },
  )
})
