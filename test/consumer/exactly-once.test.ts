import { test } from 'node:test'
import { exactlyOnce } from './exactly-once.ts'

for (const seed of (process.env.SEEDS ?? '3,4').split(',').map(Number)) {
  test(`whatever is killed, lost or refused, each message is there once and in the order of its key: seed ${seed}`, async t => {
    t.diagnostic(JSON.stringify(await exactlyOnce(seed)))
  })
}
