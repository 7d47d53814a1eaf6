import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type DoneRange,
  decodeGaps,
  encodeGaps,
  type GapRecord,
  gapBytes,
  gapSize,
  LEAST_CHARACTERS,
  type TriedRange,
} from '../../src/offsets/gap-codec.ts'
import { zeroUuid } from '../../src/protocol/wire-type.ts'
import { crc32c } from '../../src/records/crc32c.ts'

const lengths = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 40 }))
const topicIds = fc.option(
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('base64url')),
)
const records = fc
  .record({
    offset: fc.oneof(fc.nat(1_000), fc.integer({ min: 0, max: 2 ** 51 })),
    topicId: topicIds.filter(id => id !== zeroUuid),
    leaderEpoch: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    stretches: fc.array(fc.tuple(lengths, lengths), { maxLength: 60 }),
    touches: fc.boolean(),
    trials: fc.array(fc.tuple(fc.nat(300), lengths, fc.integer({ min: 1, max: 2 ** 31 - 1 })), { maxLength: 30 }),
  })
  .map(({ stretches, touches, trials, ...rest }): GapRecord => {
    const done: DoneRange[] = []
    let behind = rest.offset - (touches ? (stretches[0]?.[0] ?? 0) : 0)
    for (const [open, length] of stretches) {
      done.push({ from: behind + open, to: behind + open + length })
      behind += open + length
    }
    const tried: TriedRange[] = []
    behind = rest.offset
    for (const [untried, length, attempts] of trials) {
      tried.push({ from: behind + untried, to: behind + untried + length, attempts })
      behind += untried + length
    }
    return { ...rest, done, tried }
  })

test('what is written is read, as many ranges as fit, and never more characters than are allowed', () => {
  fc.assert(
    fc.property(records, fc.integer({ min: 0, max: 2_000 }), (record, limit) => {
      const { metadata, ranges } = encodeGaps(record, limit)
      assert.ok(metadata.length <= limit, `${metadata.length} of ${limit} characters`)
      const read = decodeGaps(metadata)
      if (metadata === '') assert.ok(ranges === 0 && read === null)
      else {
        const tried = record.tried.slice(0, read?.tried.length)
        assert.deepEqual(read, { ...record, done: record.done.slice(0, ranges), tried })
      }
      const all = ranges === record.done.length
      assert.ok(all || limit < LEAST_CHARACTERS || gapSize(record.offset, record.done) > gapBytes(limit), 'it fits')
      const more = encodeGaps({ ...record, tried: [] }, limit + 30).ranges
      assert.ok(
        all || limit < LEAST_CHARACTERS || more > ranges || record.tried.length > 0,
        'one more would have fitted',
      )
    }),
    { seed: 1, numRuns: 2_000 },
  )
})

test('however much is done above, some messages that were tried have their place, the lowest', () => {
  const done = Array.from({ length: 2_000 }, (_, at) => ({ from: 10_001 + 2 * at, to: 10_002 + 2 * at }))
  const tried = Array.from({ length: 2_000 }, (_, at) => ({ from: 10_000 + 2 * at, to: 10_001 + 2 * at, attempts: 2 }))
  for (const limit of [LEAST_CHARACTERS, 200, 4_096]) {
    const read = decodeGaps(encodeGaps({ offset: 10_000, topicId: null, leaderEpoch: 4, done, tried }, limit).metadata)
    assert.ok((read?.done.length ?? 0) > 5, `${read?.done.length} done ones at ${limit}`)
    assert.ok((read?.tried.length ?? 0) >= 1, `${read?.tried.length} tried ones at ${limit}`)
    assert.deepEqual(read?.tried[0], tried[0])
  }
  const alone = encodeGaps({ offset: 10_000, topicId: null, leaderEpoch: 4, done: [], tried }, 4_096)
  assert.ok((decodeGaps(alone.metadata)?.tried.length ?? 0) > 900, 'what done ones do not need is theirs')
})

test('whatever text is beside an offset, it is read as what was written or as nothing', () => {
  const written = records.map(record => encodeGaps(record, 4_096).metadata)
  const edits = fc.array(fc.tuple(fc.nat(200), fc.string({ maxLength: 3 })), { minLength: 1, maxLength: 3 })
  const damaged = fc.tuple(written, edits).map(([text, changes]) => {
    let edited = text
    for (const [at, by] of changes) edited = edited.slice(0, at) + by + edited.slice(at + by.length + (at % 2))
    return edited
  })
  const foreign = fc.oneof(
    fc.string(),
    fc.base64String().map(text => `millrace:1:${text}`),
    fc.constant('millrace:2:AAAA'),
  )
  fc.assert(
    fc.property(fc.oneof(damaged, foreign), text => {
      const record = decodeGaps(text)
      if (record === null) return
      // A checksum of 32 bits lets one of four billion damages pass: what is read then must be sound at least.
      assert.equal(decodeGaps(encodeGaps(record, 8_192).metadata)?.offset, record.offset)
    }),
    { seed: 2, numRuns: 20_000 },
  )
})

test('bytes whose checksum is right are still read as sound ranges or as nothing', () => {
  const numbers = fc.array(fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 255 }), fc.constant(255)), { maxLength: 30 })
  fc.assert(
    fc.property(numbers, bytes => {
      const record = decodeGaps(sealed(Buffer.concat([Buffer.alloc(16), Buffer.from(bytes)])))
      if (record === null) return
      let behind = record.offset - 1
      for (const [at, { from, to }] of record.done.entries()) {
        assert.ok(from > behind || (at === 0 && from === record.offset), 'rising, and not touching')
        assert.ok(to > from && Number.isSafeInteger(to))
        behind = to
      }
      assert.ok(record.leaderEpoch >= -1 && record.leaderEpoch < 2 ** 31)
      behind = record.offset
      for (const { from, to, attempts } of record.tried) {
        assert.ok(from >= behind && to > from && Number.isSafeInteger(to) && attempts > 0)
        behind = to
      }
    }),
    { seed: 3, numRuns: 5_000 },
  )
})

test('a thousand single gaps take little more than two bytes each', () => {
  const done = Array.from({ length: 1_000 }, (_, at) => ({ from: 10_001 + 2 * at, to: 10_002 + 2 * at }))
  const { metadata, ranges } = encodeGaps({ offset: 10_000, topicId: null, leaderEpoch: 4, done, tried: [] }, 4_096)
  assert.equal(ranges, 1_000)
  assert.equal(metadata.length, 2_709)
})

function sealed(bytes: Buffer): string {
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32c(bytes))
  return `millrace:1:${Buffer.concat([bytes, checksum]).toString('base64url')}`
}
