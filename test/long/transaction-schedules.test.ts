import { test } from 'node:test'
import { runTransactionSchedules } from '../producer/transaction-schedule.ts'

const stories = Number(process.env.STORIES ?? 3_000)
const seed = Number(process.env.SEED ?? 1_000)

test('transactions are read whole or not at all, as their producers were told, whatever calls are lost, late or refused', async t => {
  const { committed, aborted, unknown, fenced } = await runTransactionSchedules(seed, stories)
  t.diagnostic(
    `${stories} stories from seed ${seed}: ${committed} transactions committed, ${aborted} aborted, ${fenced} fenced, ` +
      `${unknown} of which the producer could not say; none of them half, twice, or other than it said`,
  )
})
