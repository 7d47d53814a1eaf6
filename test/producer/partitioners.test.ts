import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { resolvePartitioner } from '../../src/producer/partitioners/by-name.ts'
import { fnv1a } from '../../src/producer/partitioners/fnv1a.ts'
import { constantPartition } from '../../src/producer/partitioners/keyless.ts'
import { murmur2 } from '../../src/producer/partitioners/murmur2.ts'
import type { PartitionerOption } from '../../src/producer/partitioners/partitioner.ts'
import { knownPlaces, mixed } from './known-places.ts'

const random = seededRandom(1)
const range = (count: number) => Array.from({ length: count }, (_, at) => at)

function place(option: PartitionerOption, key: string | Uint8Array | null, partitions: readonly number[], topic = 't') {
  const rawKey = typeof key === 'string' ? Buffer.from(key) : key
  return resolvePartitioner(option)(random).choose({ topic, key, value: null, rawKey }, partitions)
}

test('murmur2 is that of Kafka’s clients', () => {
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [text, hash] of known) assert.equal(murmur2(Buffer.from(text)), hash, text)
})

test('FNV-1a is that of the reference', () => {
  const known: [string, number][] = [
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ]
  for (const [text, hash] of known) assert.equal(fnv1a(Buffer.from(text)), hash | 0, text)
})

test('keys go where Java puts them, among any number of partitions', () => {
  const places = knownPlaces('java')
  assert.ok(places.length >= 300)
  for (const { key, hash, mixed: expected } of places) {
    assert.equal(murmur2(Buffer.from(key, 'hex')), hash, key)
    assert.equal(mixed('murmur2', key), expected, key)
  }
})

test('keys go where Go Kafka Client puts them, among any number of partitions', () => {
  const places = knownPlaces('go')
  assert.ok(places.some(({ hash }) => hash === -(2 ** 31)))
  for (const { key, hash, mixed: expected } of places) {
    assert.equal(fnv1a(Buffer.from(key, 'hex')), hash, key)
    assert.equal(mixed('fnv1a', key), expected, key)
  }
})

test('the same key goes to the same partition, one of those that there are', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom('murmur2', 'fnv1a', 'crc32'),
      (key, count, name) => {
        const chosen = place(name, key, range(count))
        assert.ok(chosen !== null && chosen >= 0 && chosen < count)
        assert.equal(place(name, key.slice(), range(count)), chosen)
      },
    ),
    { seed: 1 },
  )
})

test('without a key: murmur2, crc32 and sticky take any, fnv1a and random one at random', () => {
  for (const name of ['murmur2', 'crc32', 'sticky'] as const) assert.equal(place(name, null, range(3)), null)
  for (const name of ['fnv1a', 'random'] as const) {
    const chosen = new Set(range(100).map(() => place(name, null, range(3))))
    assert.deepEqual([...chosen].toSorted(), [0, 1, 2])
  }
  assert.equal(place('crc32', '', range(3)), null)
  assert.notEqual(place('murmur2', '', range(3)), null)
})

test('round robin begins with each topic’s first partition', () => {
  const partitioner = resolvePartitioner('round-robin')(random)
  const next = (topic: string) => partitioner.choose({ topic, key: null, value: null, rawKey: null }, [0, 1, 3])
  assert.deepEqual([next('a'), next('a'), next('b'), next('a'), next('a'), next('b')], [0, 1, 0, 3, 0, 1])
})

test('fixed reads the partition from the key, and refuses what holds none', () => {
  const key = (number: number) => {
    const bytes = Buffer.alloc(6)
    bytes.writeInt32LE(number)
    return bytes
  }
  assert.equal(place('fixed', key(7), range(5)), 2)
  for (const [wrong, says] of [
    [null, /no key/],
    ['abc', /has 3/],
    [key(-1), /are -1/],
  ] as const) {
    assert.throws(() => place('fixed', wrong, range(5)), { code: 'BAD_KEY', topic: 't', message: says })
  }
})

test('the lowest hash of fnv1a, which has no absolute value, gives the first partition', () => {
  const key = 'rdklaij'
  assert.equal(fnv1a(Buffer.from(key)), -(2 ** 31))
  assert.equal(place('fnv1a', key, range(7)), 0)
})

test('a function and an object may be a partitioner, anything else is refused', () => {
  assert.equal(
    place(({ topic }) => topic.length, 'k', range(9), 'four'),
    4,
  )
  assert.equal(place(constantPartition(2), 'k', range(9)), 2)
  for (const wrong of ['murmur3', 'toString', {}, null]) {
    assert.throws(() => resolvePartitioner(wrong as PartitionerOption), { code: 'INVALID_OPTION' })
  }
})
