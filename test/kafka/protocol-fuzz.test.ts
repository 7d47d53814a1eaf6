import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes, KafkaError } from '../../src/protocol/error-codes.ts'
import { fuzzAgainstKafka, protocolEcho } from './protocol-fuzz.ts'

test("Kafka's own classes read every message in every version as it was meant, and write the same bytes", async () => {
  assert.equal(await fuzzAgainstKafka(1, 4), 604 * 4)
})

test("the error codes, their names and which are retriable are Kafka's", async () => {
  const ours = Object.entries(errorCodes).map(
    ([name, code]) => `${code} ${name} ${new KafkaError(code, 'it').retriable}`,
  )
  assert.deepEqual(ours, await protocolEcho(['errors']))
})
