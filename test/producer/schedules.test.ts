import { test } from 'node:test'
import { runSchedules } from './schedule.ts'

test('what is acknowledged is in the log once and in order, and what is refused is not, through 300 stories of faults', async t => {
  const { sent, delivered, refused, unsure } = await runSchedules(1, 300)
  t.diagnostic(`${sent} messages sent, ${delivered} delivered, ${refused} told not to be written, ${unsure} in doubt`)
})
