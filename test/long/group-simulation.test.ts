import { test } from 'node:test'
import { GroupSimulation } from '../simulation/groups/group-simulation.ts'

const firstSeed = Number(process.env.SEED ?? 1)
const steps = Number(process.env.STEPS ?? 20_000_000)

test('whatever happens to groups and their members, no promise is broken in millions of steps', async t => {
  let done = 0
  let seed = firstSeed
  const before = performance.now()
  for (; done < steps; seed++) {
    const simulation = new GroupSimulation(seed)
    await simulation.run()
    done += simulation.steps
  }
  const perSecond = Math.round((1_000 * done) / (performance.now() - before))
  t.diagnostic(`${done} steps in ${seed - firstSeed} groups, ${perSecond} steps/s`)
})
