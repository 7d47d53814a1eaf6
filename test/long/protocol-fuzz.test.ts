import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzAgainstKafka } from '../kafka/protocol-fuzz.ts'

const seed = Number(process.env.SEED ?? 1)

test("Kafka's own classes read and write 120,800 messages as we do", async t => {
  let samples = 0
  for (let i = 0; i < 10; i++) samples += await fuzzAgainstKafka((seed + i) | 0, 20)
  assert.equal(samples, 120_800)
  t.diagnostic(`${samples} messages came back byte-equal`)
})
