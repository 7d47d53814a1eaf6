import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { decodeData } from '../../src/protocol/data.ts'
import { decodeRequest, decodeResponse, requestHead } from '../../src/protocol/frame.ts'
import { ProtocolError } from '../../src/protocol/protocol-error.ts'
import { Reader } from '../../src/protocol/reader.ts'
import { arbitraryMessage } from './arbitrary-message.ts'
import { garbage, mutated, survives } from './hostile-bytes.ts'
import { messageVersions, written } from './message-versions.ts'

// Errors by the hundred thousand: their stacks would take most of the time.
Error.stackTraceLimit = 0

test('a message cut off at any byte is a ProtocolError', () => {
  for (const each of messageVersions) {
    const samples = fc.sample(arbitraryMessage(each), { seed: 3, numRuns: 5 }).map(value => written(each.codec, value))
    // One that says much, but not so much that cutting it at each byte takes long.
    const bytes = samples.reduce((best, next) => (next.length > best.length && next.length < 400 ? next : best))
    for (let size = 0; size < bytes.length; size++) {
      assert.equal(survives(each, bytes.subarray(0, size)), false, `${each.name} v${each.version}, ${size} bytes`)
    }
  }
})

test('whatever bytes come, they are a value or a ProtocolError', () => {
  const random = seededRandom(4)
  for (const each of messageVersions) {
    for (const value of fc.sample(arbitraryMessage(each), { seed: 5, numRuns: 4 })) {
      const bytes = written(each.codec, value)
      for (let i = 0; i < 10; i++) survives(each, mutated(bytes, random))
    }
    for (let size = 0; size < 64; size += 4) survives(each, garbage(size, random))
  }
})

test('frames too short for their header are a ProtocolError', () => {
  for (let size = 0; size < 8; size++) {
    assert.throws(() => requestHead(Buffer.alloc(size)), ProtocolError)
    assert.throws(() => decodeRequest(Buffer.alloc(size)), ProtocolError)
    assert.throws(() => decodeResponse('Metadata', 12, Buffer.alloc(size)), ProtocolError)
    assert.throws(() => decodeResponse('ApiVersions', 3, Buffer.alloc(size)), ProtocolError)
  }
  assert.throws(() => decodeData('ConsumerProtocolSubscription', Buffer.alloc(1)), ProtocolError)
  assert.throws(() => decodeData('ConsumerProtocolSubscription', Buffer.from('ffff', 'hex')), /in version -1/)
  assert.throws(() => decodeRequest(Buffer.from('7fff000000000001ffff', 'hex')), /no request has the API key 32767/)
  assert.throws(
    () => decodeRequest(Buffer.from('0001006300000001ffff', 'hex')),
    /FetchRequest has the versions 4-18, not 99/,
  )
})

test('a variable-length integer ends after 5 bytes and 32 bits', () => {
  const uvarint = (hex: string) => new Reader(Buffer.from(hex, 'hex')).uvarint()
  assert.equal(uvarint('ffffffff0f'), 2 ** 32 - 1)
  assert.equal(uvarint('ffffffff07'), 2 ** 31 - 1)
  assert.equal(uvarint('8080808000'), 0)
  assert.throws(() => uvarint('ffffffff10'), /more than 32 bits, at byte 5 of 5/)
  assert.throws(() => uvarint('808080808000'), /more than 32 bits/)
  assert.throws(() => uvarint('8080'), /1 bytes needed, 0 left, at byte 2 of 2/)
})

test('negative lengths, and null where there is none, are a ProtocolError', () => {
  const heartbeat = messageVersions.find(each => each.name === 'HeartbeatRequest' && each.version === 3)
  assert.ok(heartbeat !== undefined)
  for (const hex of ['fffe', 'ffff', '8000']) {
    assert.equal(survives(heartbeat, Buffer.from(`${hex}0000000000000000000000`, 'hex')), false, hex)
  }
})
