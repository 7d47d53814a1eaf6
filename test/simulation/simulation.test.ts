import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Simulation } from './simulation.ts'

/** How many simulations there are, and how many of them a test. */
const SEEDS = 100
const TOGETHER = 10
const STEPS = 2_000

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
