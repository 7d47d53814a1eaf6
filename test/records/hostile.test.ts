import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AbortedFilter } from '../../src/records/aborted.ts'
import { writeBatch, writeEndMarker } from '../../src/records/batch-writer.ts'
import { CorruptBatchError } from '../../src/records/errors.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { options, place, recorded, seal } from './batches.ts'

const seed = 1
const samples = [
  writeBatch([
    { key: 'key', value: 'value', headers: { a: 'b', c: null } },
    { value: null },
    { key: '', value: Buffer.alloc(70), timestamp: 1 },
  ]),
  writeBatch(
    Array.from({ length: 80 }, (_, index) => ({ key: `k${index % 7}`, value: 'v'.repeat(index) })),
    { baseOffset: 2 ** 40, compression: 'gzip' },
  ),
  writeBatch([{ key: 'k', value: 'v'.repeat(500), headers: { h: 'x' } }], { compression: 'zstd', transactional: true }),
  writeEndMarker({ type: 'abort', producerId: 5, producerEpoch: 0 }),
  ...recorded.values(),
]

/** Reads everything there is to read, as a consumer does; answers how many messages it got. */
async function readAll(bytes: Buffer): Promise<number> {
  const { batches, corrupt } = splitBatches(bytes, 0, bytes.length, place)
  const filter = new AbortedFilter([{ producerId: 5, firstOffset: 0 }])
  let messages = 0
  for (const batch of batches) {
    filter.keeps(batch)
    const open = await openBatch(batch, options)
    let last = batch.baseOffset - 1
    for (let message = open.next(); message !== null; message = open.next()) {
      messages++
      assert.ok(message.offset > last && message.offset <= batch.lastOffset)
      last = message.offset
      assert.ok(Number.isFinite(message.timestamp))
      assert.ok(message.size <= open.bytes.length)
      assert.equal((message.rawKey?.length ?? 0) + (message.rawValue?.length ?? 0), message.size)
      assert.ok(message.headers.raw.length <= open.bytes.length / 2)
      assert.ok(message.keyHash(1) >= -1)
      message.detach()
      message.toJSON()
    }
  }
  if (corrupt !== null) throw corrupt
  return messages
}

/** Fails on anything but messages or the errors that a caller is told of. */
async function survives(bytes: Buffer, what: string): Promise<void> {
  try {
    await readAll(bytes)
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw new Error(`${what}: ${bytes.toString('hex')}`, { cause: error })
    assert.deepEqual([error.code, error.topic, error.partition], ['CORRUPT_BATCH', 'orders', 3])
  }
}

test('every value of every byte of a sealed batch gives messages or a typed error', async () => {
  for (const sample of samples.slice(0, 4)) {
    const compressed = ((sample[22] as number) & 7) !== 0
    for (let at = 0; at < Math.min(sample.length, 200); at++) {
      // Length and checksum are made right again anyway.
      if ((at >= 8 && at < 12) || (at >= 17 && at < 21)) continue
      const copy = Buffer.from(sample)
      // What inflates to nonsense is the library's own matter: fewer of them.
      for (let value = 0; value < 256; value += compressed ? 17 : 1) {
        copy[at] = value
        await survives(seal(copy), `byte ${at} = ${value}`)
      }
    }
  }
})

test('every truncation gives messages or a typed error, sealed again or not', async () => {
  for (const sample of samples) {
    for (let length = 0; length < sample.length; length++) {
      const cut = Buffer.from(sample.subarray(0, length))
      await survives(cut, `cut to ${length}`)
      if (length >= 61) await survives(seal(cut), `cut to ${length} and sealed`)
    }
  }
})

const mutation = fc.record({
  at: fc.nat(),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  insert: fc.boolean(),
})

test('random changes give messages or a typed error, sealed again or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...samples),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (sample, mutations, sealed) => {
        let bytes = Buffer.from(sample)
        for (const { at, bytes: change, insert } of mutations) {
          const from = at % bytes.length
          bytes = Buffer.concat([bytes.subarray(0, from), change, bytes.subarray(insert ? from : from + change.length)])
        }
        await survives(sealed && bytes.length >= 61 ? seal(bytes) : bytes, 'changed')
      },
    ),
    { seed, numRuns: 3_000 },
  )
})

test('random records behind a sound header give messages or a typed error', async () => {
  const header = writeBatch([{}, {}, {}]).subarray(0, 61)
  // Small numbers and long varints are what gets far.
  const byte = fc.oneof(fc.nat(20), fc.nat(255), fc.constantFrom(0x01, 0x7f, 0x80, 0xff))
  await fc.assert(
    fc.asyncProperty(fc.array(byte, { maxLength: 60 }), body =>
      survives(seal(Buffer.concat([header, Buffer.from(body)])), 'random records'),
    ),
    { seed, numRuns: 3_000 },
  )
})

test('the samples themselves are sound', async () => {
  for (const sample of samples) await readAll(sample)
})
