import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compile, unknownTags } from '../../src/protocol/codec.ts'
import { ProtocolError } from '../../src/protocol/protocol-error.ts'
import { Reader } from '../../src/protocol/reader.ts'
import { arbitraryMessage } from './arbitrary-message.ts'
import { type Message, messageVersion, messageVersions, written } from './message-versions.ts'

test('every message in every version comes back as it was written', () => {
  assert.equal(messageVersions.length, 604)
  for (const each of messageVersions) {
    const { codec } = each
    const holds = fc.property(arbitraryMessage(each), value => {
      const bytes = written(codec, value)
      const reader = new Reader(bytes)
      const back = codec.decode(reader)
      assert.equal(reader.remaining, 0)
      assert.partialDeepStrictEqual(back, value)
      assert.deepEqual(written(codec, back), bytes)
    })
    fc.assert(holds, { seed: 1, numRuns: 8 })
  }
})

test('any 64 bits of an int64 come back, for those who ask', () => {
  for (const each of messageVersions) {
    const { codec } = each
    const holds = fc.property(arbitraryMessage(each, { anyInt64: true }), value => {
      const bytes = written(codec, value)
      assert.partialDeepStrictEqual(codec.decode(new Reader(bytes, 0, { anyInt64: true })), value)
    })
    fc.assert(holds, { seed: 2, numRuns: 3 })
  }
})

test('a decoded message holds every field of all versions', () => {
  const codec = messageVersion('FetchResponse', 4).codec
  const bytes = written(codec, { responses: [{ topic: 'a', partitions: [{ partitionIndex: 1 }] }] })
  assert.deepEqual(codec.decode(new Reader(bytes)), {
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    responses: [
      {
        topic: 'a',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
        partitions: [
          {
            partitionIndex: 1,
            errorCode: 0,
            highWatermark: 0,
            lastStableOffset: -1,
            logStartOffset: -1,
            divergingEpoch: { epoch: -1, endOffset: -1 },
            currentLeader: { leaderId: -1, leaderEpoch: -1 },
            snapshotId: { endOffset: -1, epoch: -1 },
            abortedTransactions: [],
            preferredReadReplica: -1,
            records: Buffer.alloc(0),
          },
        ],
      },
    ],
    nodeEndpoints: [],
  })
})

test('a request refuses a field that its version lacks, unless that is ignorable or holds its default', () => {
  const codec = messageVersion('JoinGroupRequest', 4).codec
  const join = { groupId: 'g', sessionTimeoutMs: 1, memberId: '', protocolType: 'consumer', protocols: [] }
  assert.throws(() => written(codec, { ...join, groupInstanceId: 'one' }), {
    code: 'PROTOCOL',
    message: 'JoinGroupRequest v4: groupInstanceId is set, but this version has no such field',
  })
  const nested = messageVersion('FetchRequest', 12).codec
  const topics = [{ topic: 'a', topicId: 'x9cYAvCGRlK0vLMHrHgvFA', partitions: [] }]
  assert.doesNotThrow(() => written(nested, { topics }), 'topicId is ignorable')
  const offsets = messageVersion('OffsetFetchRequest', 6).codec
  assert.throws(() => written(offsets, { groupId: 'g', topics: null, groups: [{ groupId: 'g' }] }), {
    message: /^OffsetFetchRequest v6: groups is set/,
  })
  assert.doesNotThrow(() => written(codec, { ...join, groupInstanceId: null }))
})

test('a response leaves out what its version lacks', () => {
  const codec = messageVersion('JoinGroupResponse', 5).codec
  const bytes = written(codec, { memberId: 'm', protocolType: 'consumer', protocolName: 'range', leader: 'm' })
  assert.equal(codec.decode(new Reader(bytes)).protocolType, null)
})

test('a value that its field cannot hold is refused with message, version and field', () => {
  const codec = messageVersion('FetchRequest', 4).codec
  const refused: [Message, RegExp][] = [
    [
      { maxWaitMs: 2 ** 31 },
      /^FetchRequest v4: maxWaitMs must be an integer from -2147483648 to 2147483647, not 2147483648$/,
    ],
    [{ maxWaitMs: 0.5 }, /maxWaitMs/],
    [{ maxWaitMs: 'secret' }, /maxWaitMs must be an integer .* not a string$/],
    [{ isolationLevel: 128 }, /isolationLevel must be an integer from -128 to 127/],
    [{ topics: null }, /topics must be an array, not null/],
    [{ topics: { big: 1n } }, /topics must be an array, not an object/],
    [{ topics: [null] }, /topics must be a struct, not null/],
    [{ topics: [{ topic: null }] }, /topics\.topic must be a string, not null/],
    [{ topics: [{ topic: 'x'.repeat(32_768) }] }, /topics\.topic has 32768 bytes, Kafka allows 32767/],
    [{ topics: [{ partitions: [{ fetchOffset: 2 ** 53 }] }] }, /topics\.partitions\.fetchOffset must be an integer/],
    [
      { topics: [{ partitions: [{ fetchOffset: 2n ** 63n }] }] },
      /fetchOffset must be of 64 bits, not 9223372036854775808$/,
    ],
  ]
  for (const [value, message] of refused) {
    assert.throws(
      () => written(codec, value),
      (error: Error) => error instanceof ProtocolError && message.test(error.message),
    )
  }
  const uuids = messageVersion('FetchRequest', 13).codec
  for (const topicId of ['', 'AAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAA*AAAAAAAAAAA', 7]) {
    assert.throws(() => written(uuids, { topics: [{ topicId }] }), /topics\.topicId must be a uuid/)
  }
})

test('an int64 that a number cannot hold fails the frame, or is a bigint where the type says so', () => {
  const plain = messageVersion('DeleteRecordsResponse', 0).codec
  const lowWatermark = (value: bigint) =>
    written(plain, { topics: [{ name: 'a', partitions: [{ partitionIndex: 0, lowWatermark: value }] }] })
  assert.throws(() => plain.decode(new Reader(lowWatermark(2n ** 53n + 1n))), {
    code: 'PROTOCOL',
    message: /^DeleteRecordsResponse v0: 9007199254740993 is more than a number can hold, at byte \d+ of \d+$/,
  })
  const wide = messageVersion('EndTxnResponse', 5).codec
  for (const producerId of [
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 53n + 1n,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    -1,
  ]) {
    assert.equal(wide.decode(new Reader(written(wide, { producerId }))).producerId, producerId)
  }
})

test('tagged fields that are not known here are kept, and written again in order', () => {
  const codec = messageVersion('ApiVersionsResponse', 3).codec
  // No error, no APIs, no throttling, three tags: 3 (zkMigrationReady, one byte), 9 (two bytes), 300 (empty).
  const bytes = Buffer.from(['0000', '01', '00000000', '03', '030101', '0902aabb', 'ac0200'].join(''), 'hex')
  const value = codec.decode(new Reader(bytes))
  assert.equal(value.zkMigrationReady, true)
  assert.deepEqual((value as { [unknownTags]?: unknown })[unknownTags], [
    [9, Buffer.from('aabb', 'hex')],
    [300, Buffer.alloc(0)],
  ])
  assert.equal(written(codec, value).toString('hex'), bytes.toString('hex'))
})

test('a tagged field of more than 127 bytes gets a longer size', () => {
  const codec = messageVersion('MetadataResponse', 12).codec
  assert.equal(codec.flexible, true)
  const fetch = messageVersion('FetchResponse', 16).codec
  for (const count of [1, 5, 6, 1_000, 20_000]) {
    const nodeEndpoints = Array.from({ length: count }, (_, nodeId) => ({
      nodeId,
      host: 'broker',
      port: 9092,
      rack: null,
    }))
    const back = fetch.decode(new Reader(written(fetch, { nodeEndpoints })))
    assert.deepEqual(back.nodeEndpoints, nodeEndpoints)
  }
})

test('bytes behind a message, or behind the value of a tagged field, are no error', () => {
  const codec = messageVersion('HeartbeatResponse', 4).codec
  const reader = new Reader(Buffer.from('00000000001b00ffff', 'hex'))
  assert.equal(codec.decode(reader).errorCode, 27)
  assert.equal(reader.remaining, 2)
})

test('bytes and records are views into the frame', () => {
  const codec = messageVersion('SaslAuthenticateResponse', 1).codec
  const bytes = written(codec, { authBytes: Buffer.from('token') })
  const { authBytes } = codec.decode(new Reader(bytes)) as { authBytes: Buffer }
  assert.equal(authBytes.toString(), 'token')
  assert.equal(authBytes.buffer, bytes.buffer)
})

test('a version that does not exist is refused', () => {
  assert.throws(() => compile('FetchRequest', 3, true), {
    code: 'PROTOCOL',
    message: 'FetchRequest has the versions 4-18, not 3',
  })
})
