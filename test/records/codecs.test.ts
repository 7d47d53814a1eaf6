import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { deflate, inflate } from '../../src/records/compression.ts'
import { options, place, recordedBatch } from './batches.ts'

const MiB = 1 << 20
const text = Buffer.from(Array.from({ length: 20_000 }, (_, index) => `${index % 977}: so many bytes\n`).join(''))
const random = seededRandom(1)
const noise = Buffer.from(Array.from({ length: 200_000 }, () => random() * 256))
const empty = Buffer.alloc(0)

const raw = createRequire(import.meta.url)('snappy').compressSync as (input: Uint8Array) => Buffer

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const inflated = async (codec: 'snappy' | 'lz4', input: Uint8Array, maxBytes = 64 * MiB) =>
  inflate(codec, input, maxBytes, place)
const corrupt = { code: 'CORRUPT_BATCH', message: /cannot be inflated/, ...place }
const tooLarge = { code: 'CORRUPT_BATCH', message: /beyond fetch.maxInflatedBytes/ }

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`${codec}: whatever is compressed inflates to the same, in memory of about its own size`, async () => {
    for (const plain of [
      empty,
      Buffer.from('a'),
      text.subarray(0, 32_768),
      text,
      noise,
      Buffer.concat([noise, text]),
    ]) {
      const bytes = await inflate(codec, deflate(codec, plain), Math.max(plain.length, 1), place)
      assert.deepEqual(bytes, plain)
      assert.ok(bytes.buffer.byteLength <= bytes.length * 1.25)
    }
  })
}

test('snappy: streams of blocks are read, one after another too, and raw blocks', async () => {
  const framed = deflate('snappy', text)
  assert.equal(framed.toString('latin1', 1, 7), 'SNAPPY')
  assert.deepEqual(await inflated('snappy', Buffer.concat([framed, framed])), Buffer.concat([text, text]))
  assert.deepEqual(await inflated('snappy', raw(text)), text)
  assert.deepEqual(await inflated('snappy', raw(empty)), empty)
})

test('snappy: a stream is written in the blocks of the Java client', () => {
  const java = recordedBatch('java-snappy').subarray(61)
  const ours = deflate('snappy', noise)
  assert.deepEqual(ours.subarray(0, 16), java.subarray(0, 16))
  assert.equal(ours.length > noise.length, true)
  assert.equal(ours.readInt32BE(16), raw(noise.subarray(0, 32_768)).length)
})

test('snappy: a claimed length is held to the limit, and to what the bytes can make, before memory is taken', async () => {
  const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])
  await assert.rejects(inflated('snappy', claim), tooLarge)
  await assert.rejects(inflated('snappy', claim, 2 ** 33), (error: Error) =>
    /5 bytes claim to inflate to 4294967295/.test(String(error.cause)),
  )
  const header = deflate('snappy', empty)
  const block = Buffer.concat([int32(5), claim])
  await assert.rejects(inflated('snappy', Buffer.concat([header, ...Array(1_000).fill(block)]), 2 ** 45), corrupt)
  await assert.rejects(inflated('snappy', raw(text), text.length - 1), tooLarge)
})

test('snappy: blocks that are cut off, negative or without a length are corrupt', async () => {
  const header = deflate('snappy', empty)
  const bodies = [int32(-1), int32(1), int32(0), Buffer.concat([int32(6), Buffer.alloc(6, 0xff)]), Buffer.from([0])]
  for (const body of bodies) await assert.rejects(inflated('snappy', Buffer.concat([header, body])), corrupt)
  await assert.rejects(inflated('snappy', empty), corrupt)
})

const frameStart = Buffer.from('04224d18', 'hex')
/** A frame with these flags and block size, around blocks of another one that has neither. */
function reframed(flags: number, size: number, ...parts: Uint8Array[]): Buffer {
  return Buffer.concat([frameStart, Buffer.from([flags, size]), ...parts])
}

test('lz4: a frame is written as the Java client writes it', () => {
  const java = recordedBatch('java-lz4').subarray(61)
  const ours = deflate('lz4', text)
  assert.deepEqual(ours.subarray(0, 7), java.subarray(0, 7))
  assert.deepEqual(ours.subarray(-4), Buffer.alloc(4))
  const stored = deflate('lz4', noise)
  assert.equal(stored.readUInt32LE(7), 0x8000_0000 + 65_536)
  assert.equal(stored.length, 7 + noise.length + 4 * 4 + 4)
})

test('lz4: frames may have sizes and checksums, stand one after another, and be ones to pass over', async () => {
  const frame = deflate('lz4', text.subarray(0, 1_000))
  const block = frame.subarray(7, -4)
  const end = Buffer.alloc(4)
  const full = reframed(0x7c, 0x70, Buffer.alloc(8, 1), Buffer.from([9]), block, word(7), end, word(8))
  const skippable = Buffer.concat([word(0x184d_2a5f), word(3), Buffer.alloc(3)])
  const both = Buffer.concat([text.subarray(0, 1_000), text.subarray(0, 1_000)])
  assert.deepEqual(await inflated('lz4', Buffer.concat([skippable, full, skippable, frame])), both)
  assert.deepEqual(await inflated('lz4', skippable), empty)
})

test('lz4: a wrong checksum of the header, as clients before Kafka 0.10 wrote it, is passed over', async () => {
  const frame = deflate('lz4', text)
  frame[6] = 0x83
  assert.deepEqual(await inflated('lz4', frame), text)
})

test('lz4: what Kafka does not have is corrupt', async () => {
  const rest = deflate('lz4', text).subarray(6)
  const frames = {
    'blocks that depend on others': reframed(0x40, 0x40, rest),
    'a dictionary': reframed(0x61, 0x40, rest),
    'another version': reframed(0xa0, 0x40, rest),
    'blocks smaller than 64 KiB': reframed(0x60, 0x30, rest),
    'a block larger than the frame allows': reframed(
      0x60,
      0x40,
      Buffer.from([0]),
      word(0x8000_0000 + 65_537),
      Buffer.alloc(65_541),
    ),
    'no end': reframed(0x60, 0x40, rest.subarray(0, -4)),
    'bytes behind the end': reframed(0x60, 0x40, rest, Buffer.from('more')),
  }
  for (const [what, frame] of Object.entries(frames)) await assert.rejects(inflated('lz4', frame), corrupt, what)
})

test('lz4: the limit holds for blocks of any kind, however many there are', async () => {
  const frame = deflate('lz4', Buffer.alloc(3 * MiB))
  await assert.rejects(inflated('lz4', frame, 3 * MiB - 1), tooLarge)
  assert.equal((await inflated('lz4', frame, 3 * MiB)).length, 3 * MiB)
  const stored = deflate('lz4', noise)
  await assert.rejects(inflated('lz4', stored, noise.length - 1), tooLarge)
  assert.deepEqual(await inflated('lz4', stored, noise.length), noise)
})

test('a sender of a hundred thousand tiny blocks takes little more memory than it sent', async () => {
  const blocks = (one: Uint8Array) => Buffer.alloc(100_000 * one.length, one)
  const frames = {
    lz4: reframed(0x60, 0x40, Buffer.from([0]), blocks(Buffer.concat([word(2), Buffer.from([0x10, 65])])), word(0)),
    snappy: Buffer.concat([deflate('snappy', empty), blocks(Buffer.concat([int32(3), Buffer.from([1, 0, 65])]))]),
  }
  const before = process.memoryUsage.rss()
  for (const codec of ['lz4', 'snappy'] as const) {
    assert.equal((await inflated(codec, frames[codec], MiB)).length, 100_000)
    await assert.rejects(inflated(codec, frames[codec], 99_999), tooLarge)
  }
  assert.ok(process.memoryUsage.rss() - before < 50 * MiB, `${process.memoryUsage.rss() - before} bytes`)
})

for (const [codec, name] of [
  ['snappy', 'snappy'],
  ['lz4', 'lz4-napi'],
] as const) {
  test(`${codec}: where its package is missing the error names it, and the others work`, () => {
    const program = `
      import { openBatch } from './src/records/open-batch.ts'
      import { splitBatches } from './src/records/split-batches.ts'
      import { writeBatch } from './src/records/batch-writer.ts'
      import { withoutPackage } from './test/without-package.ts'
      using missing = withoutPackage('${name}')
      const bytes = Buffer.from('${recordedBatch(`java-${codec}`).toString('hex')}', 'hex')
      const [batch] = splitBatches(bytes, 0, bytes.length, ${JSON.stringify(place)}).batches
      const codes = []
      const attempts = {
        read: () => openBatch(batch, ${JSON.stringify(options)}),
        write: () => writeBatch([{ value: 'a' }], { compression: '${codec}' }),
      }
      for (const [what, attempt] of Object.entries(attempts)) {
        try { attempt() } catch (error) { codes.push([what, error.code, error.message]) }
      }
      for (const compression of ['none', 'gzip', '${codec === 'lz4' ? 'snappy' : 'lz4'}', 'zstd']) writeBatch([{ value: 'a' }], { compression })
      console.log(JSON.stringify(codes))`
    const root = new URL('../..', import.meta.url)
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root, encoding: 'utf8' })
    const [read, write] = JSON.parse(said)
    assert.deepEqual([read[1], write[1]], ['UNSUPPORTED_COMPRESSION', 'UNSUPPORTED_COMPRESSION'])
    assert.match(
      read[2],
      new RegExp(`^The batch of orders\\[3\\] at offset \\d+ cannot be read: .* npm install ${name}`),
    )
    assert.match(write[2], new RegExp(`^Records cannot be written: ${codec} needs the package "${name}"`))
  })
}
