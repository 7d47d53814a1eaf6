import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader } from '../../src/protocol/frame-reader.ts'
import { reachableBytes } from '../client/memory.ts'

function framed(body: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeInt32BE(body.length)
  return Buffer.concat([head, body])
}

function reader(reuse: boolean, maxFrameBytes = 1_000_000) {
  const frames: Buffer[] = []
  const made = new FrameReader({
    maxFrameBytes,
    reuse,
    onFrame: frame => frames.push(reuse ? Buffer.from(frame) : frame),
  })
  return { made, frames }
}

test('frames are the same however the bytes are cut, and do not change when the read buffer is used again', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 300 }), { maxLength: 20 })
  fc.assert(
    fc.property(
      bodies,
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
      fc.boolean(),
      (sent, cuts, reuse) => {
        const { made, frames } = reader(reuse)
        const stream = Buffer.concat(sent.map(framed))
        const chunk = Buffer.alloc(400)
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = Math.min(cuts[turn % cuts.length] as number, stream.length - at)
          stream.copy(chunk, 0, at, at + size)
          made.push(chunk, size)
          chunk.fill(0xee)
          at += size
        }
        assert.equal(made.partial, false)
        assert.deepEqual(frames, sent.map(Buffer.from))
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('memory follows what arrived, not what a length claims', () => {
  const { made } = reader(false, 100_000_000)
  const head = Buffer.alloc(8)
  head.writeInt32BE(100_000_000)
  const before = process.memoryUsage().arrayBuffers
  made.push(head)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
  assert.equal(made.partial, true)
})

const refused: readonly [string, Buffer, RegExp][] = [
  ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff]), /frame of -1 bytes/],
  ['a length that holds no answer', Buffer.from([0, 0, 0, 3]), /frame of 3 bytes/],
  ['a length of 0', Buffer.from([0, 0, 0, 0]), /frame of 0 bytes/],
  [
    'a length beyond the limit',
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    /frame of 2147483647 bytes, more than maxFrameBytes/,
  ],
  ['an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /answers HTTP/],
  ['a TLS alert', Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), /TLS alert/],
  ['a TLS record', Buffer.from([0x16, 3, 1, 2, 0, 1]), /TLS handshake/],
]

for (const [what, bytes, message] of refused) {
  test(`${what} is refused with the likely cause`, () => {
    const { made, frames } = reader(false)
    assert.throws(() => made.push(bytes), { code: 'BAD_FRAME', message })
    assert.equal(frames.length, 0)
  })
}

test('a stopped reader gives out nothing more, not even from the same chunk', () => {
  const frames: Buffer[] = []
  const made = new FrameReader({
    maxFrameBytes: 100,
    reuse: false,
    onFrame: frame => {
      frames.push(frame)
      made.stop()
    },
  })
  made.push(Buffer.concat([framed(Buffer.from('first')), framed(Buffer.from('second'))]))
  assert.deepEqual(frames.map(String), ['first'])
})

test('the memory of a large frame is given back when only small ones follow', async () => {
  const made = new FrameReader({ maxFrameBytes: 50_000_000, reuse: true, onFrame: () => {} })
  const large = framed(Buffer.alloc(20_000_000))
  const before = await reachableBytes()
  made.push(large, 10_000_000)
  made.push(large.subarray(10_000_000))
  assert.ok((await reachableBytes()) - before > 15_000_000)
  for (let i = 0; i < 40; i += 1) made.push(framed(Buffer.alloc(100)))
  assert.ok((await reachableBytes()) - before < 1_000_000)
})
