import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstViolation } from '../plant.ts'
import { GroupSimulation } from './group-simulation.ts'
import { plantedBugs } from './planted-bugs.ts'

const SEEDS = Array.from({ length: 6 }, (_, index) => index + 1)
/** Where to look for planted bugs; the first seed that finds one is enough. */
const SEARCHED = 60

test('whoever joins, leaves, dies, sleeps or hears nothing, no promise of a group is broken, and all is done in the end', async () => {
  for (const seed of SEEDS) await new GroupSimulation(seed).run()
})

test('a seed repeats a simulation of a group step by step', async () => {
  const [first, second] = [new GroupSimulation(7), new GroupSimulation(7)]
  await first.run()
  await second.run()
  assert.equal(first.steps, second.steps)
  assert.equal(first.history, second.history)
})

for (const bug of plantedBugs) {
  test(`finds that ${bug.name}`, async () => {
    const found = await firstViolation(bug, SEARCHED, seed => new GroupSimulation(seed).run())
    assert.ok(found !== null, `not found in ${SEARCHED} seeds`)
    assert.ok(bug.breaks.includes(found.invariant), found.message.split('\n')[0])
  })
}
