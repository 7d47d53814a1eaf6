import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
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

test("schema and types are what Kafka's definitions say", () => {
  const root = join(import.meta.dirname, '../..')
  execFileSync(process.execPath, ['scripts/generate-protocol.ts', '--check'], { cwd: root, stdio: 'pipe' })
})
