import assert from 'node:assert/strict'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { type RecordInput, writeBatch, writeEndMarker } from '../../src/records/batch-writer.ts'
import { deflate } from '../../src/records/compression.ts'
import type { Message } from '../../src/records/message.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import { COMPRESSIONS } from '../../src/records/record-batch.ts'
import {
  batchAround,
  batchOf,
  changed,
  first,
  messagesOf,
  openNow,
  options,
  place,
  recorded,
  recordedBatch,
  seal,
} from './batches.ts'

const seed = 1
const random = seededRandom(seed)
const randomBytes = (length: number) => Buffer.from(Array.from({ length }, () => random() * 256))

/** What a record says, in the writer's terms. */
function plain(message: Message): RecordInput {
  const { rawKey: key, rawValue: value, timestamp } = message
  return { key, value, timestamp, headers: message.headers.raw }
}

const someBytes = fc.option(fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)))
const someRecord = fc.record(
  {
    key: someBytes,
    value: someBytes,
    timestamp: fc.oneof(fc.integer({ min: -1, max: 2 ** 45 }), fc.constantFrom(-1, 0, 1_700_000_000_000)),
    headers: fc.array(fc.tuple(fc.string({ maxLength: 70 }), someBytes), { maxLength: 4 }),
  },
  { noNullPrototype: true },
)
const someOptions = fc.record({
  compression: fc.constantFrom(...COMPRESSIONS),
  baseOffset: fc.integer({ min: 0, max: 2 ** 53 - 1_000 }),
  leaderEpoch: fc.integer({ min: -1 }),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.integer({ min: -1 }),
  transactional: fc.boolean(),
})

test('whatever is written is read back', () => {
  fc.assert(
    fc.property(fc.array(someRecord, { maxLength: 100 }), someOptions, (records, given) => {
      const bytes = writeBatch(records, given)
      const open = openNow(bytes)
      const messages = messagesOf(open)
      assert.deepEqual(messages.map(plain), records)
      assert.deepEqual(
        messages.map(message => message.offset),
        records.map((_, index) => given.baseOffset + index),
      )
      const { batch } = open
      assert.equal(BigInt(batch.producerId), given.producerId)
      assert.deepEqual(
        [
          batch.baseOffset,
          batch.compression,
          batch.leaderEpoch,
          batch.producerEpoch,
          batch.baseSequence,
          batch.isTransactional,
        ],
        [
          given.baseOffset,
          given.compression,
          given.leaderEpoch,
          given.producerEpoch,
          given.baseSequence,
          given.transactional,
        ],
      )
      assert.equal(
        batch.maxTimestamp,
        records.length === 0 ? batch.baseTimestamp : Math.max(...records.map(r => r.timestamp)),
      )
      assert.equal(open.exhausted, true)
    }),
    { seed, numRuns: 300 },
  )
})

test('a batch written by hand is read as the format says', () => {
  const records = [
    '2a 00 00 00 06 6b6579 0a 76616c7565 04 02 61 02 31 02 61 01', // key 'key', value 'value', headers a=1 and a=null
    '0c 00 03 02 01 01 00', // two milliseconds earlier, no key, no value
    '0e 00 d00f 04 00 00 00', // a thousand later, an empty key and an empty value
  ].map(record => Buffer.from(record.replaceAll(' ', ''), 'hex'))
  const messages = messagesOf(openNow(batchAround(Buffer.concat(records), { count: 3 })))
  assert.deepEqual(
    messages.map(({ offset, timestamp, rawKey, rawValue }) => [
      offset,
      timestamp,
      rawKey?.toString(),
      rawValue?.toString(),
    ]),
    [
      [100, 1_700_000_000_000, 'key', 'value'],
      [101, 1_699_999_999_998, undefined, undefined],
      [102, 1_700_000_001_000, '', ''],
    ],
  )
  assert.deepEqual(messages[0]?.headers.getAll('a'), [Buffer.from('1'), null])
  assert.equal(messages[0]?.leaderEpoch, 7)
})

for (const [name, bytes] of recorded) {
  test(`${name}: a recorded batch is read whole`, () => {
    const open = openNow(bytes)
    const messages = messagesOf(open)
    assert.equal(messages.length, open.batch.count)
    assert.equal(messages.at(-1)?.offset, open.batch.lastOffset)
    assert.equal(Math.max(...messages.map(message => message.timestamp)), open.batch.maxTimestamp)
  })
  if (!/none|transactional/.test(name)) continue
  test(`${name}: written again it has the same bytes`, () => {
    const open = openNow(bytes)
    const {
      baseOffset,
      leaderEpoch,
      producerId,
      producerEpoch,
      baseSequence,
      isTransactional: transactional,
    } = open.batch
    const header = { baseOffset, leaderEpoch, producerId, producerEpoch, baseSequence, transactional }
    assert.deepEqual(writeBatch(messagesOf(open).map(plain), header), bytes)
  })
}

test('records of the Java client are as they were written', () => {
  const messages = messagesOf(openNow(recordedBatch('java-none')))
  assert.deepEqual(
    messages.map(message => `${message.rawKey}=${message.rawValue}`),
    Array.from({ length: 10 }, (_, index) => `k${index}=v`),
  )
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    const inflated = messagesOf(openNow(recordedBatch(`java-${codec}`)))
    for (const { rawKey, rawValue } of inflated) assert.match(`${rawKey} ${rawValue}`, /^k\d+ value-\d+-x{90,}$/)
  }
})

test('records of librdkafka are as they were written, in every compression', () => {
  for (const codec of ['gzip', 'snappy', 'lz4']) {
    const messages = messagesOf(openNow(recordedBatch(`librdkafka-${codec}`)))
    for (const { rawKey, rawValue } of messages) assert.equal(String(rawKey).slice(1), String(rawValue).slice(1))
    assert.deepEqual(messages.at(-1)?.headers.raw, [['h', Buffer.from('x')]])
  }
})

test('the end of a transaction is written as a broker writes it', () => {
  for (const type of ['abort', 'commit'] as const) {
    const bytes = recordedBatch(`broker-${type}`)
    const { baseOffset, leaderEpoch, producerId, producerEpoch, baseTimestamp: now } = batchOf(bytes)
    const coordinatorEpoch = first(openNow(bytes)).rawValue?.readInt32BE(2)
    assert.deepEqual(
      writeEndMarker({ type, baseOffset, leaderEpoch, producerId, producerEpoch, now, coordinatorEpoch }),
      bytes,
    )
  }
})

const abc = writeBatch([{ value: 'a' }, { value: 'b' }, { value: 'c' }], { baseOffset: 50 })
const values = (bytes: Buffer, skipTo = 0) => {
  const open = openNow(bytes)
  open.skipTo(skipTo)
  return messagesOf(open).map(message => `${message.offset}${message.rawValue}`)
}

test('a batch that begins before the asked offset gives only what was asked for', () => {
  assert.deepEqual(values(abc, 51), ['51b', '52c'])
  assert.deepEqual(values(abc, 53), [])
  assert.deepEqual(values(abc, 2), ['50a', '51b', '52c'])
})

test('holes that compaction left are passed over, and the last offset stays', () => {
  const records = Buffer.from(`${'0e000004010261'}00${'0e00000a010262'}00`, 'hex')
  const bytes = batchAround(records, { count: 2, lastOffsetDelta: 9 })
  assert.deepEqual(values(bytes), ['102a', '105b'])
  assert.equal(batchOf(bytes).lastOffset, 109)
})

test('an empty batch, as compaction leaves it, has no messages', () => {
  for (const attributes of [0, 1, 4, 0x10]) {
    const open = openNow(batchAround(Buffer.alloc(0), { count: 0, lastOffsetDelta: 4, attributes }))
    assert.equal(open.exhausted, true)
    assert.equal(open.next(), null)
    assert.equal(open.batch.lastOffset, 104)
  }
})

test('under LogAppendTime all records have the time of the broker', () => {
  const created = writeBatch([{ timestamp: 5 }, { timestamp: 9 }, { timestamp: 7 }])
  const messages = messagesOf(openNow(changed(created, copy => copy.writeInt16BE(8, 21))))
  assert.deepEqual(
    messages.map(({ timestamp, timestampType }) => [timestamp, timestampType]),
    Array(3).fill([9, 'LogAppendTime']),
  )
})

test('a wrong checksum is named with its place', () => {
  const bytes = Buffer.from(abc)
  bytes[63] = 9
  assert.throws(() => openNow(bytes), {
    name: 'CorruptBatchError',
    code: 'CORRUPT_BATCH',
    ...place,
    offset: 50,
    message: /checksum/,
  })
})

test('a record that makes no sense throws each time it is asked for, and what came before it was given', () => {
  // The second record's offset is the first one's again.
  const bytes = changed(abc, copy => copy.writeInt8(0, 61 + 8 + 3))
  const open = openNow(bytes)
  assert.equal(first(open).offset, 50)
  for (let i = 0; i < 3; i++) assert.throws(() => open.next(), { code: 'CORRUPT_BATCH', ...place, offset: 51 })
  assert.equal(open.exhausted, false)
})

test('bytes behind the last record are corrupt', () => {
  const open = openNow(seal(Buffer.concat([writeBatch([{}]), Buffer.alloc(7)])))
  assert.throws(() => open.next(), { code: 'CORRUPT_BATCH', message: /7 bytes are left/ })
})

test('a false record count is refused before anything is made for it', () => {
  const bytes = changed(abc, copy => {
    copy.writeInt32BE(0x7fff_fffe, 23)
    copy.writeInt32BE(0x7fff_ffff, 57)
  })
  assert.throws(() => openNow(bytes), { code: 'CORRUPT_BATCH', message: /2147483647 records in 24 bytes/ })
})

test('headers that make no sense are refused at once', () => {
  for (const headers of [
    'feffffff0f', // 2^31 - 1 of them
    '01', // -1 of them
    '0201', // a name of -1 bytes
    '02026104', // a value beyond the record
    '020002', // a name without a value, and a byte left
  ]) {
    const body = Buffer.from(`0000000101${headers}`, 'hex')
    const open = openNow(batchAround(Buffer.concat([Buffer.from([body.length * 2]), body]), { count: 1 }))
    assert.throws(() => open.next(), { code: 'CORRUPT_BATCH', message: /do not agree/ }, headers)
  }
})

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  const attributes = COMPRESSIONS.indexOf(codec)
  const around = (body: Buffer, count = 1) => batchAround(body, { count, attributes })

  test(`${codec}: a bomb fails at the limit`, async () => {
    const bomb = deflate(codec, Buffer.alloc(64 << 20))
    const before = process.memoryUsage().arrayBuffers
    await assert.rejects(async () => openBatch(batchOf(around(bomb)), { ...options, maxInflatedBytes: 5 << 20 }), {
      code: 'CORRUPT_BATCH',
      ...place,
      offset: 100,
      message: /beyond fetch.maxInflatedBytes, 5242880 bytes/,
    })
    assert.ok(process.memoryUsage().arrayBuffers - before < 32 << 20)
    assert.throws(() => openNow(around(bomb), { maxInflatedBytes: 1_000 }), {
      code: 'CORRUPT_BATCH',
      message: /beyond/,
    })
  })

  test(`${codec}: exactly the limit is still sound`, () => {
    const bytes = writeBatch([{ value: 'x'.repeat(993) }], { compression: codec })
    const inflated = openNow(bytes).bytes.length
    assert.equal(messagesOf(openNow(bytes, { maxInflatedBytes: inflated })).length, 1)
    assert.throws(() => openNow(bytes, { maxInflatedBytes: inflated - 1 }), { code: 'CORRUPT_BATCH' })
  })

  test(`${codec}: what inflates to much is opened beside the event loop, however small it is`, async () => {
    const bytes = writeBatch([{ value: Buffer.alloc(12 << 20) }], { compression: codec })
    const open = openBatch(batchOf(bytes), { ...options, maxInflatedBytes: 16 << 20 })
    assert.ok(open instanceof Promise)
    assert.equal(first(await open).size, 12 << 20)
  })

  test(`${codec}: nonsense instead of compressed data is corrupt, beside the event loop too`, async () => {
    assert.throws(() => openNow(around(Buffer.from('nonsense'))), {
      code: 'CORRUPT_BATCH',
      message: /cannot be inflated/,
    })
    const large = batchOf(around(Buffer.alloc(2 << 20, 7)))
    const opening = async () => openBatch(large, { ...options, maxInflatedBytes: 16 << 20 })
    await assert.rejects(opening, { code: 'CORRUPT_BATCH', ...place, offset: 100 })
  })

  test(`${codec}: every truncation is corrupt`, () => {
    const bytes = writeBatch([{ key: 'key', value: 'value' }, { value: 'more' }], { compression: codec })
    for (let length = 61; length < bytes.length; length++) {
      const cut = seal(Buffer.from(bytes.subarray(0, length)))
      assert.throws(() => messagesOf(openNow(cut)), { code: 'CORRUPT_BATCH' }, `${length} bytes`)
    }
  })

  test(`${codec}: memory counts the batch and what it inflated to, without slack`, () => {
    for (const value of [Buffer.alloc(100_000), randomBytes(100_000), randomBytes(100)]) {
      const bytes = writeBatch([{ value }], { compression: codec })
      const open = openNow(bytes)
      assert.ok(open.memory >= bytes.length + open.bytes.length)
      assert.ok(open.memory <= bytes.length + open.bytes.length * 1.25)
    }
  })
}

test('an uncompressed batch is counted once', () => {
  assert.equal(openNow(abc).memory, abc.length)
})

test('gzip in several members, as some clients write it, is read whole', () => {
  const plainBytes = abc.subarray(61)
  const body = Buffer.concat([zlib.gzipSync(plainBytes.subarray(0, 10)), zlib.gzipSync(plainBytes.subarray(10))])
  assert.equal(messagesOf(openNow(batchAround(body, { count: 3, attributes: 1 }))).length, 3)
})

test('zstd that claims a false size is held to the limit', async () => {
  // A frame of 2^40 bytes, by its header.
  const frame = Buffer.from(`28b52ffdc000${'000000000001'}0000${'00'.repeat(40)}`, 'hex')
  const open = openBatch(batchOf(batchAround(frame, { count: 1, attributes: 4 })), {
    ...options,
    maxInflatedBytes: 64 << 20,
  })
  await assert.rejects(async () => open, { code: 'CORRUPT_BATCH' })
})
