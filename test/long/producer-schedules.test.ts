import { test } from 'node:test'
import { PartitionWalk } from '../producer/partition-walk.ts'
import { runSchedules } from '../producer/schedule.ts'

const firstSeed = Number(process.env.SEED ?? 1)
const stories = Number(process.env.STEPS ?? 10_000)
/** Of one queue, for each story. */
const WALKS = 20
const WALK_STEPS = 80

test('what is acknowledged is in the log once and in order, and what is refused is not, through thousands of stories', async t => {
  const { sent, delivered, refused, unsure } = await runSchedules(firstSeed, stories)
  t.diagnostic(
    `${stories} stories: ${sent} messages, ${delivered} delivered, ${refused} told not to be written, ${unsure} in doubt`,
  )
})

test('the same for steps of one queue', t => {
  for (let seed = firstSeed; seed < firstSeed + WALKS * stories; seed++) {
    try {
      new PartitionWalk(seed).run(WALK_STEPS)
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause })
    }
  }
  t.diagnostic(`${WALKS * stories} times ${WALK_STEPS} steps`)
})
