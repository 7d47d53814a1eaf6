import assert from 'node:assert/strict'
import { test } from 'node:test'
import { api, apiByKey } from '../../src/protocol/apis.ts'
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeRequestParts,
  encodeResponse,
  encodeResponseParts,
  requestHead,
} from '../../src/protocol/frame.ts'

test('an API has its key and the versions that are stable', () => {
  assert.deepEqual(
    [api('Fetch').key, api('Fetch').minVersion, api('Fetch').maxVersion, apiByKey(1)],
    [1, 4, 18, api('Fetch')],
  )
  assert.equal(api('OffsetCommit').maxVersion, 9, 'version 10 is not stable in Kafka 4.1')
  assert.equal(api('OffsetCommit').request(10).flexible, true)
  assert.equal(apiByKey(1_000), undefined)
})

test('a request has its length, key, version, correlation id and client id before it', () => {
  const old = encodeRequest('ApiVersions', 0, 7, 'me', {})
  assert.equal(old.toString('hex'), ['0000000c', '0012', '0000', '00000007', '00026d65'].join(''))
  const flexible = encodeRequest('ApiVersions', 3, 7, null, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
  const body = ['0261', '0231', '00'].join('')
  assert.equal(flexible.toString('hex'), ['00000010', '0012', '0003', '00000007', 'ffff', '00', body].join(''))
  assert.deepEqual(requestHead(flexible.subarray(4)), { key: 18, version: 3, correlationId: 7 })
})

test('a request comes to the broker with every field', () => {
  const frame = encodeRequest('Heartbeat', 2, 9, 'me', { groupId: 'g', generationId: 3, memberId: 'm' }).subarray(4)
  const request = decodeRequest(frame)
  // The name tells the type of the body.
  assert.equal(request.name === 'Heartbeat' && request.body.memberId, 'm')
  assert.deepEqual(request, {
    key: 12,
    version: 2,
    correlationId: 9,
    name: 'Heartbeat',
    clientId: 'me',
    body: { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: null },
  })
})

test('an answer has the header of its version, ApiVersions always the old one', () => {
  const old = encodeResponse('Heartbeat', 3, 5, { errorCode: 27 })
  assert.equal(old.toString('hex'), ['0000000a', '00000005', '00000000', '001b'].join(''))
  const flexible = encodeResponse('Heartbeat', 4, 5, { errorCode: 27 })
  assert.equal(flexible.toString('hex'), ['0000000c', '00000005', '00', '00000000', '001b', '00'].join(''))
  const versions = encodeResponse('ApiVersions', 3, 5, {})
  assert.equal(versions.toString('hex'), ['0000000c', '00000005', '0000', '01', '00000000', '00'].join(''))
  for (const version of [3, 4]) {
    const frame = encodeResponse('Heartbeat', version, 5, { errorCode: 27 }).subarray(4)
    assert.deepEqual(decodeResponse('Heartbeat', version, frame), { throttleTimeMs: 0, errorCode: 27 })
  }
})

test('an old broker answers ApiVersions in version 0, and is understood', () => {
  const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: 2 }]
  const frame = encodeResponse('ApiVersions', 0, 5, { errorCode: 35, apiKeys }).subarray(4)
  const answer = decodeResponse('ApiVersions', 4, frame)
  assert.equal(answer.errorCode, 35)
  assert.deepEqual(answer.apiKeys, apiKeys)
})

test('large records go out as they are, in pieces of the same frame', () => {
  const batches = [Buffer.alloc(5_000, 1), Buffer.alloc(10, 2), Buffer.alloc(100_000, 3)]
  const answer = (records: Buffer | readonly Buffer[]) => ({
    responses: [{ topic: 'orders', partitions: [{ partitionIndex: 1, highWatermark: 9, records }] }],
  })
  for (const version of [4, 12, 16]) {
    const whole = encodeResponse('Fetch', version, 5, answer(Buffer.concat(batches)))
    const parts = encodeResponseParts('Fetch', version, 5, answer(batches))
    assert.deepEqual(Buffer.concat(parts), whole)
    assert.deepEqual(encodeResponse('Fetch', version, 5, answer(batches)), whole)
    assert.ok(parts.includes(batches[0] as Buffer) && parts.includes(batches[2] as Buffer))
    assert.ok(!parts.includes(batches[1] as Buffer), 'a small one is copied')
  }
  const small = encodeResponseParts('Heartbeat', 4, 5, { errorCode: 27 })
  assert.deepEqual(small, [encodeResponse('Heartbeat', 4, 5, { errorCode: 27 })])
})

test('a request in pieces is the same frame, and large record batches in it are not copied', () => {
  const records = [Buffer.alloc(70_000, 1), Buffer.alloc(100, 2)]
  const partitionData = records.map((each, index) => ({ index, records: each }))
  for (const version of [3, 9, 13]) {
    const topic = version < 13 ? { name: 'orders' } : { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
    const body = { acks: 1, timeoutMs: 5, topicData: [{ ...topic, partitionData }] }
    const pieces = encodeRequestParts('Produce', version, 5, 'me', body)
    assert.deepEqual(Buffer.concat(pieces), encodeRequest('Produce', version, 5, 'me', body))
    assert.ok(pieces.includes(records[0] as Buffer))
    assert.ok(!pieces.includes(records[1] as Buffer), 'a small one is copied')
  }
})
