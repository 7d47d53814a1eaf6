import { test } from 'node:test'
import { Simulation } from '../simulation/simulation.ts'

const firstSeed = Number(process.env.SEED ?? 1)
const steps = Number(process.env.STEPS ?? 10_000_000)
/** Many short simulations meet more kinds of trouble than few long ones; one in ten is long. */
const SHORT = 3_000
const LONG = 60_000
/** How often it is told how far it is. */
const PROGRESS = 1_000_000

test('whatever goes wrong, no promise is broken in millions of steps', async t => {
  let done = 0
  let seed = firstSeed
  const before = performance.now()
  for (; done < steps; seed++) {
    const simulation = new Simulation(seed)
    await simulation.run(seed % 10 === 0 ? LONG : SHORT)
    const millions = Math.floor(done / PROGRESS)
    done += simulation.steps
    if (Math.floor(done / PROGRESS) > millions) console.log(`${done} of ${steps} steps, seed ${seed}`)
  }
  const perSecond = Math.round((1_000 * done) / (performance.now() - before))
  t.diagnostic(`${done} steps in ${seed - firstSeed} simulations, ${perSecond} steps/s`)
})
