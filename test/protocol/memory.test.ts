import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decodeResponse, encodeResponse } from '../../src/protocol/frame.ts'
import { Reader } from '../../src/protocol/reader.ts'
import { type MessageVersion, messageVersion } from './message-versions.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const megabyte = 1_000_000

/** Bytes of the heap that `work` took, what it left behind included. */
function memoryOf(work: () => void): number {
  collect()
  const before = process.memoryUsage().heapUsed
  work()
  return process.memoryUsage().heapUsed - before
}

function uvarint(value: number): string {
  let hex = ''
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) hex += ((rest & 0x7f) | 0x80).toString(16).padStart(2, '0')
  return hex + rest.toString(16).padStart(2, '0')
}

/** A compact array, `element` over and over, that fills `size` bytes; `before` and `after` it the rest of the message. */
function filled(before: string, element: string, size: number): Buffer {
  const count = Math.floor(size / (element.length / 2))
  return Buffer.concat([
    Buffer.from(before + uvarint(count + 1), 'hex'),
    Buffer.alloc(count * (element.length / 2), Buffer.from(element, 'hex')),
  ])
}

const emptyStrings = messageVersion('DeleteTopicsRequest', 5)
const apiVersions = messageVersion('ApiVersionsResponse', 3)
const saslMechanisms = messageVersion('SaslHandshakeResponse', 1)
const metadata = messageVersion('MetadataResponse', 12)
const unknownTag = '7f01ff'

const hostile: readonly { readonly of: string; readonly message: MessageVersion; readonly bytes: Buffer }[] = [
  { of: 'empty strings', message: emptyStrings, bytes: filled('', '01', 20 * megabyte) },
  { of: 'tiny structs', message: apiVersions, bytes: filled('0000', '00000000000000', 20 * megabyte) },
  { of: 'short strings', message: emptyStrings, bytes: filled('', '036162', 20 * megabyte) },
  {
    of: 'unknown tags',
    message: apiVersions,
    bytes: Buffer.concat([
      Buffer.from(`00000100000000${uvarint(6 * megabyte)}`, 'hex'),
      Buffer.alloc(18 * megabyte, Buffer.from(unknownTag, 'hex')),
    ]),
  },
]

for (const { of, message, bytes } of hostile) {
  test(`a frame of 20 MB of ${of} is refused before it takes much memory`, () => {
    const memory = memoryOf(() => {
      assert.throws(() => message.codec.decode(new Reader(bytes)), { code: 'PROTOCOL', message: /too much memory/ })
    })
    assert.ok(memory < 160 * megabyte, `${Math.round(memory / megabyte)} MB`)
  })
}

test('a count that cannot be true is refused before anything is allocated', () => {
  for (const [message, hex] of [
    [saslMechanisms, '00007fffffff'],
    [apiVersions, '0000ffffffff0f'],
    [emptyStrings, 'ffffff7f0101'],
  ] as const) {
    const memory = memoryOf(() => {
      assert.throws(() => message.codec.decode(new Reader(Buffer.from(hex, 'hex'))), /an array of \d+ elements/)
    })
    assert.ok(memory < megabyte, `${memory} bytes`)
  }
})

/** All partitions of a large cluster, with so many replicas each. */
function largeMetadata(partitions: number, replicas: number): Buffer {
  const replicaNodes = [1, 2, 3].slice(0, replicas)
  const perTopic = 100
  return encodeResponse('Metadata', 12, 1, {
    brokers: [1, 2, 3].map(nodeId => ({ nodeId, host: `broker-${nodeId}`, port: 9092 })),
    topics: Array.from({ length: partitions / perTopic }, (_, topic) => ({
      name: `topic-${topic}`,
      partitions: Array.from({ length: perTopic }, (_, partitionIndex) => ({
        partitionIndex,
        leaderId: 1,
        leaderEpoch: 1,
        replicaNodes,
        isrNodes: replicaNodes,
      })),
    })),
  }).subarray(4)
}

for (const [partitions, replicas] of [
  [200_000, 1],
  [200_000, 3],
] as const) {
  test(`metadata of ${partitions} partitions with ${replicas} replicas is read`, () => {
    const { topics } = decodeResponse('Metadata', 12, largeMetadata(partitions, replicas))
    assert.equal(
      topics.reduce((sum, topic) => sum + topic.partitions.length, 0),
      partitions,
    )
  })
}

test('what is charged for a frame is about what it takes', () => {
  const reader = new Reader(largeMetadata(100_000, 3), 5)
  let value: unknown
  const memory = memoryOf(() => {
    value = metadata.codec.decode(reader)
    collect()
  })
  assert.ok(value !== undefined)
  const ratio = memory / reader.charged
  assert.ok(ratio > 0.7 && ratio < 1.3, `${memory} bytes taken, ${reader.charged} charged`)
})
