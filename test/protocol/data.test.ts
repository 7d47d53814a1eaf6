import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeData, encodeData } from '../../src/protocol/data.ts'

test('a subscription carries its version, and comes back', () => {
  const bytes = encodeData('ConsumerProtocolSubscription', 1, {
    topics: ['a'],
    userData: null,
    ownedPartitions: [{ topic: 'a', partitions: [0, 2] }],
  })
  assert.equal(bytes.readInt16BE(0), 1)
  assert.deepEqual(decodeData('ConsumerProtocolSubscription', bytes), {
    topics: ['a'],
    userData: null,
    ownedPartitions: [{ topic: 'a', partitions: [0, 2] }],
    generationId: -1,
    rackId: null,
  })
})

test('a subscription of a later version is read as the highest known one', () => {
  const bytes = encodeData('ConsumerProtocolSubscription', 3, { topics: ['a'], userData: null, rackId: 'r' })
  const later = Buffer.concat([bytes, Buffer.from('new')])
  later.writeInt16BE(4)
  assert.equal(decodeData('ConsumerProtocolSubscription', later).rackId, 'r')
})
