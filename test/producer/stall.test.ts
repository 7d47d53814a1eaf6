import { test } from 'node:test'
import { stall } from './stall.ts'

test('while a broker answers nothing, who goes on sending fills the buffer and what may wait for it, and no more memory', async t => {
  const { sent, delivered, full, heldBytes, grewBytes } = await stall(2_000)
  t.diagnostic(
    `${sent} sent, ${delivered} delivered, ${full} refused; ${heldBytes >> 20} MiB held, memory grew by ${grewBytes >> 20} MiB`,
  )
})
