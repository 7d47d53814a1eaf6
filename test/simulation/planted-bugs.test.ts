import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstViolation } from './plant.ts'
import { bugsOfBatches } from './planted-batches.ts'
import { bugsOfBreakers } from './planted-breaker.ts'
import { bugsOfClaims } from './planted-bugs.ts'
import { bugsOfDecisions } from './planted-decisions.ts'
import { bugsOfLimits } from './planted-limits.ts'
import { bugsOfOptions } from './planted-options.ts'
import { bugsOfPace } from './planted-pace.ts'
import { Simulation } from './simulation.ts'

const STEPS = 1_500
/** Where to look for a bug; the first seed that finds it is enough. */
const SEARCHED = 60

const bugs = [
  bugsOfClaims,
  bugsOfDecisions,
  bugsOfOptions,
  bugsOfBreakers,
  bugsOfBatches,
  bugsOfLimits,
  bugsOfPace,
].flat()

for (const bug of bugs) {
  test(`finds that ${bug.name}`, async () => {
    const found = await firstViolation(bug, SEARCHED, seed => new Simulation(seed).run(STEPS))
    assert.ok(found !== null, `not found in ${SEARCHED} seeds`)
    assert.ok(bug.breaks.includes(found.invariant), found.message.split('\n')[0])
    assert.match(found.message, /seed \d+, the last steps were/)
  })
}
