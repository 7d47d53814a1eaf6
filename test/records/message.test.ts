import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { first, messagesOf, openNow } from './batches.ts'

const now = 1_750_000_000_000
const bytes = writeBatch(
  [
    {
      key: 'k',
      value: 'value',
      headers: [
        ['a', '1'],
        ['b', null],
        ['a', '2'],
        ['ä', Buffer.from([255])],
      ],
    },
    { key: '', value: '' },
    {},
  ],
  { now, baseOffset: 40, leaderEpoch: 5 },
)

test('a message tells where it comes from', () => {
  const message = first(openNow(bytes))
  const { topic, partition, offset, timestamp, timestampType, leaderEpoch, highWatermark, size } = message
  assert.deepEqual(
    { topic, partition, offset, timestamp, timestampType, leaderEpoch, highWatermark, size },
    {
      topic: 'orders',
      partition: 3,
      offset: 40,
      timestamp: now,
      timestampType: 'CreateTime',
      leaderEpoch: 5,
      highWatermark: 1_000,
      size: 6,
    },
  )
})

test('null and empty are told apart', () => {
  const [, empty, none] = messagesOf(openNow(bytes))
  assert.deepEqual([empty?.key, empty?.value, empty?.size], [Buffer.alloc(0), Buffer.alloc(0), 0])
  assert.deepEqual([none?.key, none?.value, none?.size], [null, null, 0])
})

test('headers keep their order, duplicates and nulls; the last of a name wins', () => {
  const { headers } = first(openNow(bytes))
  assert.deepEqual(
    headers.raw.map(([name, value]) => [name, value?.toString('latin1') ?? null]),
    [
      ['a', '1'],
      ['b', null],
      ['a', '2'],
      ['ä', 'ÿ'],
    ],
  )
  assert.deepEqual(headers.get('a'), Buffer.from('2'))
  assert.deepEqual(headers.getAll('a'), [Buffer.from('1'), Buffer.from('2')])
  assert.equal(headers.get('b'), null)
  assert.equal(headers.get('c'), undefined)
  assert.deepEqual(headers.getAll('c'), [])
})

test('decoded values take the place of the bytes, undefined and null too', () => {
  const message = first(openNow(bytes))
  assert.deepEqual([message.key, message.value], [Buffer.from('k'), Buffer.from('value')])
  const decoded = message.decoded('k', { value: 1 })
  assert.deepEqual([decoded.key, decoded.value], ['k', { value: 1 }])
  assert.deepEqual([decoded.rawKey, decoded.rawValue], [Buffer.from('k'), Buffer.from('value')])
  assert.deepEqual([message.decoded(undefined, null).key, message.value], [undefined, null])
})

test('bytes are views and not copies', () => {
  const open = openNow(bytes)
  assert.equal(first(open).value?.buffer, open.bytes.buffer)
})

test('equal keys of one partition have equal hashes, wherever they lie, detached or not', () => {
  const records = Array.from({ length: 500 }, (_, index) => ({
    key: `key-${index % 100}`,
    value: 'x'.repeat(index % 9),
  }))
  const messages = messagesOf(openNow(writeBatch(records)))
  const hashes = messages.map(message => message.keyHash(77))
  assert.equal(new Set(hashes).size, 100)
  for (const [index, message] of messages.entries()) {
    const hash = hashes[index] as number
    assert.ok(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 30)
    assert.equal(hash, hashes[index % 100])
    message.detach()
    assert.equal(message.keyHash(77), hash)
  }
})

test('a hash depends on the seed and the partition; no key has none, an empty key has one', () => {
  const [keyed, empty, none] = messagesOf(openNow(bytes))
  const [elsewhere] = messagesOf(openNow(bytes, { partition: 4 }))
  assert.notEqual(keyed?.keyHash(1), keyed?.keyHash(2))
  assert.notEqual(keyed?.keyHash(1), elsewhere?.keyHash(1))
  assert.ok((empty?.keyHash(1) ?? -1) >= 0)
  assert.equal(none?.keyHash(1), -1)
})

test('keys are compared by their bytes, wherever they lie; no key is not an empty one', () => {
  const records = ['a', 'b', 'ab', '', null].flatMap(key => [{ key }, { key, value: 'x' }])
  const [left, right] = [messagesOf(openNow(writeBatch(records))), messagesOf(openNow(writeBatch(records)))]
  for (const message of left.slice(5)) message.detach()
  for (const [at, message] of left.entries()) {
    for (const [other, each] of right.entries()) {
      assert.equal(message.hasKeyOf(each), at >> 1 === other >> 1)
    }
  }
})

test('hashes spread evenly over the buckets, also of keys that differ in one place', () => {
  for (const key of [
    (index: number) => `user-${index}`,
    (index: number) => Buffer.from([0, 0, index >> 8, index & 255]),
  ]) {
    const records = Array.from({ length: 16_384 }, (_, index) => ({ key: key(index) }))
    const buckets = new Uint32Array(1_024)
    for (const message of messagesOf(openNow(writeBatch(records)))) {
      const bucket = message.keyHash(9) & 1_023
      buckets[bucket] = (buckets[bucket] as number) + 1
    }
    // 16 are expected in each; chance alone stays far below 48.
    assert.ok(Math.max(...buckets) < 48)
  }
})

test('a detached message is as it was', () => {
  for (const message of messagesOf(openNow(bytes))) {
    const before = [message.toJSON(), message.size, message.leaderEpoch, message.highWatermark, message.headers.raw]
    assert.equal(message.detached, false)
    message.detach()
    message.detach()
    assert.equal(message.detached, true)
    assert.equal(message.openBatch, null)
    assert.deepEqual(
      [message.toJSON(), message.size, message.leaderEpoch, message.highWatermark, message.headers.raw],
      before,
    )
  }
})

test('a batch is freed once its messages are detached, also when serdes answered its own bytes', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const messages = messagesOf(openNow(bytes))
  const batch = new WeakRef(messages[0]?.openBatch ?? {})
  const memory = new WeakRef(messages[0]?.openBatch?.bytes.buffer ?? {})
  for (const message of messages) {
    message.decoded(message.rawKey, message.rawValue)
    message.headers.get('a')
    message.detach()
  }
  // What a weak reference gave stays until the turn has ended.
  await new Promise(resolve => setImmediate(resolve))
  collect()
  assert.equal(batch.deref(), undefined)
  assert.equal(memory.deref(), undefined)
  assert.equal(messages[0]?.value?.toString(), 'value')
})

test('a decoded value stays what it is when the message is detached', () => {
  const message = first(openNow(bytes)).decoded('k', { value: 1 })
  message.detach()
  assert.deepEqual([message.key, message.value], ['k', { value: 1 }])
})

test('JSON and inspection show text as text and other bytes as base64', () => {
  const message = first(openNow(bytes))
  assert.deepEqual(JSON.parse(JSON.stringify(message)), {
    topic: 'orders',
    partition: 3,
    offset: 40,
    timestamp: now,
    timestampType: 'CreateTime',
    key: 'k',
    value: 'value',
    headers: [
      ['a', '1'],
      ['b', null],
      ['a', '2'],
      ['ä', { base64: '/w==' }],
    ],
  })
  const shown = inspect(message)
  assert.match(shown, /^Message orders\[3\]@40 \{/)
  assert.match(shown, /2025-06-15T15:06:40.000Z/)
  assert.match(shown, /key: 'k'/)
  assert.match(inspect(message.decoded('k', { total: 3 })), /total: 3/)
})
