import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bugsOfStories } from './planted-bugs.ts'
import { runSchedules } from './schedule.ts'

test('what is acknowledged is in the log once and in order, and what is refused is not, through 300 stories of faults', async t => {
  const { sent, delivered, refused, unsure } = await runSchedules(1, 300)
  t.diagnostic(`${sent} messages sent, ${delivered} delivered, ${refused} told not to be written, ${unsure} in doubt`)
})

for (const { name, found, hangs, install } of bugsOfStories) {
  test(`stories find that ${name}`, async () => {
    const undo = install()
    try {
      await assert.rejects(runSchedules(1, 200, hangs && 2_000), ({ cause }: Error) => {
        assert.match(String(cause), found)
        return true
      })
    } finally {
      undo()
    }
  })
}
