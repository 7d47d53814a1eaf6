import { test } from 'node:test'
import { stall } from './stall.ts'

test('while a broker answers nothing, who goes on sending fills the buffer and what may wait for it, and no more memory', async t => {
  const { sent, delivered, full, grewBytes } = await stall(2_000)
  t.diagnostic(`${sent} sent, ${delivered} delivered, ${full} refused; memory grew by ${grewBytes >> 20} MiB`)
})
