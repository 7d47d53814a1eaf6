import { test } from 'node:test'
import { runSchedule } from './schedule.ts'

test('what is acknowledged is in the log once and in order, and what is refused is not, through 300 stories of faults', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    try {
      await runSchedule(seed)
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown })
    }
  }
})
