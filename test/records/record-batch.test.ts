import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { batchOf, changed, place, recordedBatch } from './batches.ts'

const one = writeBatch([{ value: 'a' }, { value: 'b' }], { now: 5_000, leaderEpoch: 7 })
const two = writeBatch([{ value: 'c' }], { baseOffset: 2 })

test('the header of a batch is read', () => {
  const batch = batchOf(recordedBatch('broker-abort'))
  assert.deepEqual(
    [batch.baseOffset, batch.lastOffset, batch.producerId, batch.producerEpoch, batch.baseSequence, batch.count],
    [345, 345, 123_456, 0, -1, 1],
  )
  assert.deepEqual(
    [batch.leaderEpoch, batch.baseTimestamp, batch.maxTimestamp],
    [0, 1_795_352_446_600, 1_795_352_446_600],
  )
  assert.deepEqual(
    [batch.compression, batch.isTransactional, batch.isControl, batch.timestampType],
    ['none', true, true, 'CreateTime'],
  )
  assert.equal(batch.crcValid, true)
})

test('offsets beyond 32 bits are exact, and producer ids beyond 53', () => {
  const batch = batchOf(writeBatch([{}], { baseOffset: 2 ** 52 + 1, producerId: 2n ** 62n + 1n }))
  assert.equal(batch.baseOffset, 2 ** 52 + 1)
  assert.equal(batch.producerId, 2n ** 62n + 1n)
})

test('batches are split in order, each in memory of its own', () => {
  const source = Buffer.concat([Buffer.alloc(5), one, two, Buffer.alloc(3)])
  const { batches, corrupt } = splitBatches(source, 5, source.length - 3, place)
  assert.equal(corrupt, null)
  assert.deepEqual(
    batches.map(batch => batch.buffer),
    [one, two],
  )
  for (const batch of batches) {
    assert.equal(batch.buffer.buffer.byteLength, batch.buffer.length)
    assert.equal(batch.crcValid, true)
  }
  source.fill(0)
  assert.deepEqual(batches[0]?.buffer, one)
})

test('a last batch that is cut off is left out, wherever the cut is', () => {
  const source = Buffer.concat([one, two])
  for (let end = one.length; end < source.length; end++) {
    const { batches, corrupt } = splitBatches(source, 0, end, place)
    assert.equal(corrupt, null)
    assert.equal(batches.length, 1, `cut at ${end}`)
  }
  assert.deepEqual(splitBatches(source, 0, 0, place), { batches: [], corrupt: null })
})

test('nothing behind the given end is read', () => {
  const { batches, corrupt } = splitBatches(Buffer.concat([one, Buffer.alloc(20, 0xff)]), 0, one.length, place)
  assert.deepEqual([batches.length, corrupt], [1, null])
})

const damages: [name: string, change: (copy: Buffer) => void, said: RegExp][] = [
  ['a negative length', copy => copy.writeInt32BE(-1, 8), /length is -1 bytes/],
  ['a length shorter than a header', copy => copy.writeInt32BE(48, 8), /length is 48 bytes/],
  ['a length shorter than a message', copy => copy.fill(1, 16, 17).writeInt32BE(21, 8), /length is 21 bytes/],
  ['an unknown format', copy => copy.writeInt8(3, 16), /format is v3/],
  ['a negative offset', copy => copy.writeInt32BE(-1, 0), /offsets -/],
  ['an offset beyond 2^53', copy => copy.writeInt32BE(0x7fff_ffff, 0), /offsets 9223/],
  ['a negative last offset', copy => copy.writeInt32BE(-1, 23), /claims the offsets 2 to 1/],
  ['a negative count', copy => copy.writeInt32BE(-1, 57), /-1 records/],
  ['more records than offsets', copy => copy.writeInt32BE(2, 57), /2 records/],
  ['an unknown compression', copy => copy.writeInt16BE(6, 21), /compression 6/],
]
for (const [name, change, said] of damages) {
  test(`${name} stops the split, and what came before is kept`, () => {
    const damaged = Buffer.from(two)
    change(damaged)
    const source = Buffer.concat([one, damaged, one])
    const { batches, corrupt } = splitBatches(source, 0, source.length, place)
    assert.equal(batches.length, 1)
    assert.equal(corrupt?.code, 'CORRUPT_BATCH')
    assert.deepEqual([corrupt?.topic, corrupt?.partition], ['orders', 3])
    assert.match(corrupt?.message ?? '', said)
    if (!name.includes('offset')) assert.equal(corrupt?.offset, 2)
  })
}

test('a changed bit anywhere behind the checksum shows', () => {
  for (let at = 17; at < one.length; at++) {
    const copy = Buffer.from(one)
    copy[at] = (copy[at] as number) ^ 1
    const [batch] = splitBatches(copy, 0, copy.length, place).batches
    assert.ok(batch === undefined || !batch.crcValid, `byte ${at}`)
  }
  assert.equal(batchOf(changed(one, copy => copy.writeInt16BE(8, 21))).timestampType, 'LogAppendTime')
})
