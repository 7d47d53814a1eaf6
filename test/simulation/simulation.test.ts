import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstViolation } from './plant.ts'
import { bugsOfClaims } from './planted-bugs.ts'
import { Simulation } from './simulation.ts'

/** How many simulations there are, and how many of them a test. */
const SEEDS = 100
const TOGETHER = 10
const STEPS = 2_000
/** Where to look for planted bugs; the first seed that finds one is enough. */
const SEARCHED = 60

for (let from = 1; from <= SEEDS; from += TOGETHER) {
  const to = from + TOGETHER - 1
  test(`whatever goes wrong, no promise is broken, and all is done in the end: seeds ${from} to ${to}`, async () => {
    for (let seed = from; seed <= to; seed++) await new Simulation(seed).run(STEPS)
  })
}

test('a seed repeats a simulation step by step', async () => {
  const [first, second] = [new Simulation(7), new Simulation(7)]
  await first.run(STEPS)
  await second.run(STEPS)
  assert.equal(first.steps, second.steps)
  assert.equal(first.history, second.history)
})

for (const bug of bugsOfClaims) {
  test(`finds that ${bug.name}`, async () => {
    const found = await firstViolation(bug, SEARCHED, seed => new Simulation(seed).run(STEPS))
    assert.ok(found !== null, `not found in ${SEARCHED} seeds`)
    assert.ok(bug.breaks.includes(found.invariant), found.message.split('\n')[0])
    assert.match(found.message, /seed \d+, the last steps were/)
  })
}
