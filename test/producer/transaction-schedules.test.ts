import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTransactionSchedules } from './transaction-schedule.ts'

test('what is committed is read once, whole and in order, and what is not is not at all, through 60 stories of faults', async () => {
  const { committed, aborted, unknown, fenced } = await runTransactionSchedules(1, 60)
  assert.ok(committed > 150 && aborted > 30 && unknown > 0 && fenced > 5, 'all ends come about')
})
