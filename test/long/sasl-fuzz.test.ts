import { test } from 'node:test'
import { fuzzSasl, fuzzScram } from '../client/sasl-fuzz.ts'

const seed = Number(process.env.SEED ?? 1)
const runs = Number(process.env.SASL_RUNS ?? 3_000)

test('whatever a broker answers to SASL, nothing crashes or hangs, and no secret is told', async t => {
  await fuzzSasl({ seed, numRuns: runs })
  t.diagnostic(`${runs} connections were authenticated with anything`)
})

test('no server can say what crashes an exchange of SCRAM, or tells the password', async t => {
  await fuzzScram({ seed, numRuns: runs * 30 })
  t.diagnostic(`${runs * 30} exchanges of SCRAM`)
})
