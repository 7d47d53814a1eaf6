import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { crc32c, crc32cImplementation, softwareCrc32c } from '../../src/records/crc32c.ts'

const random = seededRandom(1)
const bytes = Buffer.from(Array.from({ length: 5_000 }, () => random() * 256))

/** Bit by bit, as the polynomial is defined. */
function slow(input: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of input) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0)
  }
  return ~crc >>> 0
}

test('the checksum of RFC 3720 comes out', () => {
  for (const checksum of [crc32c, softwareCrc32c]) {
    assert.equal(checksum(Buffer.from('123456789')), 0xe306_9283)
    assert.equal(checksum(Buffer.alloc(32)), 0x8a91_36aa)
    assert.equal(checksum(Buffer.alloc(32, 0xff)), 0x62a8_ab43)
    assert.equal(checksum(Buffer.alloc(0)), 0)
  }
})

test('both implementations agree at every length and alignment', () => {
  for (let start = 0; start < 17; start++) {
    for (let length = 0; length < 200; length++) {
      const part = bytes.subarray(start, start + length)
      const expected = slow(part)
      assert.equal(softwareCrc32c(part), expected, `${length} bytes from ${start}`)
      assert.equal(crc32c(part), expected, `${length} bytes from ${start}`)
    }
  }
  assert.equal(softwareCrc32c(bytes), slow(bytes))
  assert.equal(crc32c(bytes), slow(bytes))
})

test('a checksum goes on from the one of what came before', () => {
  for (const cut of [0, 1, 15, 16, 63, 64, 100, 4_999, 5_000]) {
    for (const checksum of [crc32c, softwareCrc32c]) {
      assert.equal(checksum(bytes.subarray(cut), checksum(bytes.subarray(0, cut))), slow(bytes), `cut at ${cut}`)
    }
  }
})

test('it tells which implementation is in use', () => {
  assert.equal(crc32cImplementation, crc32c === softwareCrc32c ? 'javascript' : 'native')
})
