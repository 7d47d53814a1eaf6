import { test } from 'node:test'
import { stall } from '../producer/stall.ts'

test('a broker that answers nothing for a minute costs its producer no more memory than it may have', async t => {
  const { sent, delivered, full, heldBytes, grewBytes } = await stall(60_000)
  t.diagnostic(
    `${sent} sent, ${delivered} delivered, ${full} refused; ${heldBytes >> 20} MiB held, memory grew by ${grewBytes >> 20} MiB`,
  )
})
