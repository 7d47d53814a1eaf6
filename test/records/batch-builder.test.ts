import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BatchBuilder, type BatchHeader, type Bytes, type RecordInput } from '../../src/records/batch-builder.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { levelsOf } from '../../src/records/compression.ts'
import { EncodedHeaders, encodeField, encodeHeader } from '../../src/records/encoded-headers.ts'
import { COMPRESSIONS, type Compression } from '../../src/records/record-batch.ts'
import { batchOf, messagesOf, openNow } from './batches.ts'

/** Halves of surrogate pairs among them. */
const text = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)),
    fc.string({ maxLength: 2 }),
  ),
  maxLength: 40,
})
const bytes: fc.Arbitrary<Bytes> = fc.oneof(
  fc.constant(null),
  fc.constant(''),
  text,
  fc.uint8Array({ maxLength: 300 }),
  // A view into more memory than it is about.
  fc.uint8Array({ minLength: 9, maxLength: 20 }).map(all => Buffer.from(all).subarray(3, 7)),
)
const name = fc.oneof(fc.constantFrom('', 'a', 'trace'), text)
const headers = fc.oneof(
  fc.constant(undefined),
  fc.array(fc.tuple(name, bytes), { maxLength: 5 }),
  fc.dictionary(name, bytes, { maxKeys: 3 }),
)
const timestamp = fc.oneof(
  fc.constantFrom(0, Number.MAX_SAFE_INTEGER, 1_700_000_000_000),
  fc.maxSafeNat(),
  fc.integer({ min: 1_700_000_000_000 - 70, max: 1_700_000_000_000 + 70 }),
)
const record: fc.Arbitrary<RecordInput & { readonly timestamp: number }> = fc.record(
  { key: bytes, value: bytes, headers, timestamp },
  { requiredKeys: ['timestamp'] },
)
const header: fc.Arbitrary<BatchHeader> = fc.record({
  baseOffset: fc.maxSafeNat().map(offset => Math.max(0, offset - 1_000)),
  leaderEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  producerId: fc.oneof(fc.constant(-1), fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n })),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  transactional: fc.boolean(),
})
const compression: fc.Arbitrary<BatchHeader> = fc.constantFrom(...COMPRESSIONS).chain(compression => {
  const levels = levelsOf(compression)
  if (levels === null) return fc.constant({ compression })
  // The highest levels of zstd take memory.
  const level = fc.integer({ min: Math.max(levels.min, -1_000), max: Math.min(levels.max, 12) })
  return fc.record({ compression: fc.constant(compression), level: fc.oneof(fc.constant(undefined), level) })
})

function built(records: readonly (RecordInput & { readonly timestamp: number })[], firstBytes = 61): BatchBuilder {
  const builder = new BatchBuilder(firstBytes)
  for (const record of records) {
    const { length } = builder
    const size = builder.sizeOf(record, record.timestamp)
    assert.equal(builder.append(record, record.timestamp, length + size - 1), false)
    assert.equal(builder.append(record, record.timestamp, length + size), true)
    assert.equal(builder.length, length + size)
  }
  return builder
}

const written = (value: Bytes | undefined) =>
  value === undefined || value === null ? null : typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)

test('whatever is appended comes back, in the bytes that were said, whatever its buffer and its compression are', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 20 }),
      header,
      compression,
      fc.integer({ min: 0, max: 2_000 }),
      (records, header, compression, firstBytes) => {
        const builder = built(records, firstBytes)
        const finished = builder.finish({ ...header, ...compression })
        if (compression.compression === 'none') assert.equal(finished.length, builder.length)
        const batch = batchOf(finished)
        assert.ok(batch.crcValid)
        const { compression: codec, isTransactional, producerId, producerEpoch, baseSequence, leaderEpoch } = batch
        assert.deepEqual(
          { codec, isTransactional, producerId, producerEpoch, baseSequence, leaderEpoch, base: batch.baseOffset },
          {
            codec: compression.compression,
            isTransactional: header.transactional,
            producerId: header.producerId,
            producerEpoch: header.producerEpoch,
            baseSequence: header.baseSequence,
            leaderEpoch: header.leaderEpoch,
            base: header.baseOffset,
          },
        )
        assert.equal(batch.maxTimestamp, Math.max(...records.map(({ timestamp }) => timestamp)))
        const seen = messagesOf(openNow(finished)).map(message => ({
          offset: message.offset - batch.baseOffset,
          timestamp: message.timestamp,
          key: message.key,
          value: message.value,
          headers: message.headers.raw,
        }))
        const expected = records.map(({ key, value, headers = [], timestamp }, offset) => {
          const pairs = Array.isArray(headers) ? headers : Object.entries(headers)
          return {
            offset,
            timestamp,
            key: written(key),
            value: written(value),
            headers: pairs.map(([name, value]) => [name.toWellFormed(), written(value)]),
          }
        })
        assert.deepEqual(seen, expected)
      },
    ),
    { seed: 1, numRuns: 400 },
  )
})

test('headers that were encoded beforehand are in a batch as others are, and can be read', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), fc.boolean(), (records, apart) => {
      const encoded = records.map(({ headers = [], ...rest }) => {
        const pairs = Array.isArray(headers) ? headers : Object.entries(headers)
        const text = pairs.map(([name, value]) => encodeHeader(name, value)).join('')
        const last = apart && pairs.length > 0 ? encodeField(pairs.at(-1)[1]) : ''
        const bytes = Buffer.from(text.slice(0, text.length - last.length), 'latin1')
        const block = new EncodedHeaders(pairs.length, bytes, last)
        const read = pairs.map(([name, value]) => [name.toWellFormed(), written(value)])
        assert.deepEqual(block.read().raw, read)
        return { ...rest, headers: block }
      })
      assert.deepEqual(built(encoded).finish({}), built(records).finish({}))
    }),
    { seed: 2, numRuns: 400 },
  )
})

test('a batch may be finished again under another header, with the same records', () => {
  const builder = built([
    { key: 'a', timestamp: 5 },
    { value: 'b', timestamp: 3 },
  ])
  const first = Buffer.from(builder.finish({ producerId: 1, producerEpoch: 2, baseSequence: 3 }))
  const second = Buffer.from(builder.finish({ producerId: 9, producerEpoch: 0, baseSequence: 0 }))
  assert.deepEqual(second.subarray(61), first.subarray(61))
  assert.equal(batchOf(second).producerId, 9)
  assert.ok(batchOf(first).crcValid && batchOf(second).crcValid)
})

test('what an int32 cannot count is refused before memory is taken for it', () => {
  const builder = built([{ value: 'small', timestamp: 1 }])
  const { length } = builder
  // Never written to, so the system gives no memory for it.
  const value = Buffer.allocUnsafeSlow(2 ** 31 - 100)
  assert.throws(() => builder.append({ value, key: 'k'.repeat(200) }, 1), /^RangeError: A batch of \d+ bytes/)
  assert.equal(builder.length, length)
  assert.equal(messagesOf(openNow(builder.finish({}))).length, 1)
})

test('one that is finished again under another header leaves what was given out before as it was', () => {
  for (const compression of COMPRESSIONS) {
    const builder = new BatchBuilder()
    builder.append({ key: 'k', value: 'v'.repeat(3_000) }, 1_700_000_000_000)
    const first = builder.finish({ compression, producerId: 7, producerEpoch: 1, baseSequence: 5 })
    const copy = Buffer.from(first)
    const second = builder.finish({ compression, producerId: 7, producerEpoch: 2, baseSequence: 0 })
    assert.deepEqual(first, copy)
    assert.notDeepEqual(second, copy)
    assert.equal(messagesOf(openNow(second))[0]?.value?.length, 3_000)
  }
})

describe('levels', () => {
  const values = Array.from({ length: 3_000 }, (_, index) => ({
    value: `{"id":${index},"customer":"c${index * 7919}"}`,
  }))
  const size = (compression: Compression, level?: number) => writeBatch(values, { compression, level, now: 1 }).length

  test('a higher one makes less, and without one it is the codec’s own', () => {
    assert.ok(size('gzip', 9) < size('gzip', 1))
    assert.ok(size('zstd', 19) < size('zstd', 1))
    assert.ok(size('zstd', 1) < size('zstd', -131_072))
    assert.equal(size('gzip', -1), size('gzip'))
    assert.equal(size('gzip', 6), size('gzip'))
    assert.equal(size('zstd', 3), size('zstd'))
  })

  test('are those of Kafka’s own clients where the codec has any', () => {
    assert.deepEqual(COMPRESSIONS.map(levelsOf), [
      null,
      { min: 1, max: 9, default: -1 },
      null,
      null,
      { min: -131_072, max: 22 },
    ])
  })
})
