import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Violation } from './journal.ts'
import { plantedBugs } from './planted-bugs.ts'
import { Simulation } from './simulation.ts'

const SEEDS = Array.from({ length: 30 }, (_, index) => index + 1)
const STEPS = 1_500

/** Stories that were found to break something once. */
const FOUND = [1_795]

test('whatever goes wrong, no promise about commits, order and memory is broken, and all is done in the end', async () => {
  for (const seed of [...SEEDS, ...FOUND]) await new Simulation(seed).run(STEPS)
})

test('a seed repeats a simulation step by step', async () => {
  const [first, second] = [new Simulation(7), new Simulation(7)]
  await first.run(STEPS)
  await second.run(STEPS)
  assert.equal(first.steps, second.steps)
  assert.equal(first.history, second.history)
})

for (const { name, breaks, plant } of plantedBugs) {
  test(`finds that ${name}`, async () => {
    const found = await firstViolation(plant)
    assert.ok(found !== null, `not found in ${SEEDS.length} seeds`)
    assert.ok(breaks.includes(found.invariant), found.message.split('\n')[0])
    assert.match(found.message, /seed \d+, the last steps were/)
  })
}

async function firstViolation(plant: (typeof plantedBugs)[number]['plant']): Promise<Violation | null> {
  for (const seed of SEEDS) {
    try {
      await new Simulation(seed, plant).run(STEPS)
    } catch (error) {
      if (error instanceof Violation) return error
      throw error
    }
  }
  return null
}
