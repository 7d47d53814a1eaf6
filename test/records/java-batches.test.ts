import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ours, recordedBatches } from './java-batches.ts'

test('a batch that is not compressed is byte for byte what Java writes, its checksum and its header too', () => {
  const batches = recordedBatches()
  assert.ok(batches.length >= 200)
  for (const { told, bytes } of batches) assert.equal(ours(told), bytes, JSON.stringify(told))
})
