import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  NOWHERE,
  readVarint,
  readVarlong,
  varintEnd,
  varintSize,
  varlongSize,
  writeVarint,
  writeVarlong,
} from '../../src/records/varint.ts'

const seed = 1
const bytes = Buffer.alloc(16)

test('every 32-bit integer comes back, in the bytes that were said', () => {
  const edges = [
    0,
    -1,
    63,
    64,
    -64,
    -65,
    8191,
    8192,
    1_048_575,
    1_048_576,
    134_217_727,
    134_217_728,
    2 ** 31 - 1,
    -(2 ** 31),
  ]
  const integers = fc.oneof(fc.constantFrom(...edges), fc.integer())
  fc.assert(
    fc.property(integers, fc.nat(6), (value, at) => {
      const end = writeVarint(bytes, at, value)
      assert.equal(end - at, varintSize(value))
      assert.equal(readVarint(bytes, at), value)
      assert.equal(varintEnd, end)
      // A varlong is written alike.
      assert.equal(readVarlong(bytes, at), value)
      assert.equal(varintEnd, end)
    }),
    { seed, numRuns: 5_000 },
  )
})

test('every integer that a double holds exactly comes back as varlong', () => {
  const max = Number.MAX_SAFE_INTEGER
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(0, -1, max, -max - 1), fc.maxSafeInteger(), fc.integer()),
      fc.nat(6),
      (value, at) => {
        const end = writeVarlong(bytes, at, value)
        assert.equal(end - at, varlongSize(value))
        assert.equal(readVarlong(bytes, at), value)
        assert.equal(varintEnd, end)
      },
    ),
    { seed, numRuns: 5_000 },
  )
})

test('a varint ends in 5 bytes and a varlong in 10', () => {
  const endless = Buffer.alloc(20, 0xff)
  readVarint(endless, 0)
  assert.equal(varintEnd, NOWHERE)
  readVarlong(endless, 0)
  assert.equal(varintEnd, NOWHERE)
  readVarint(Buffer.from('808080808000', 'hex'), 0)
  assert.equal(varintEnd, NOWHERE)
  readVarlong(Buffer.from(`${'80'.repeat(10)}00`, 'hex'), 0)
  assert.equal(varintEnd, NOWHERE)
  assert.equal(readVarint(Buffer.from('ffffffff0f', 'hex'), 0), -(2 ** 31))
  assert.equal(readVarlong(Buffer.from('ffffffffffffffffff01', 'hex'), 0), -(2 ** 63))
  assert.equal(varintEnd, 10)
})

test('a varint cut off by the end of the bytes ends behind them', () => {
  for (const read of [readVarint, readVarlong]) {
    for (let length = 0; length < 5; length++) {
      read(Buffer.alloc(length, 0xff), 0)
      assert.ok(varintEnd > length, `${length} bytes`)
    }
  }
})
