import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { seal, sealable } from './batches.ts'
import { hostile, ours, readAll, samples, survives } from './hostile-batches.ts'

const seed = 1

test('every value of every byte of a sealed batch gives messages or a typed error', async () => {
  for (const sample of ours) {
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
      if (sealable(cut)) await survives(seal(cut), `cut to ${length} and sealed`)
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
        await survives(sealed && sealable(bytes) ? seal(bytes) : bytes, 'changed')
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
    fc.asyncProperty(fc.array(byte, { maxLength: 60 }), async body => {
      await survives(seal(Buffer.concat([header, Buffer.from(body)])), 'random records')
    }),
    { seed, numRuns: 3_000 },
  )
})

test('the samples themselves are sound', async () => {
  for (const sample of samples) await readAll(sample)
})

test('batches of every format, damaged outside, inside and below their compression, give messages or a typed error', async () => {
  const random = seededRandom(seed)
  let sound = 0
  for (let count = 0; count < 10_000; count++) if (await survives(hostile(random), `batch ${count}`)) sound++
  assert.ok(sound > 500 && sound < 9_500, `${sound} gave messages`)
})
