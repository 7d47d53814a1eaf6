import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cooperativeSticky } from '../../src/ownership/assignors/cooperative-sticky.ts'
import { range } from '../../src/ownership/assignors/range.ts'
import { sticky } from '../../src/ownership/assignors/sticky.ts'
import { readStickyUserData, stickyUserData } from '../../src/ownership/assignors/sticky-user-data.ts'
import {
  decodeAssignment,
  decodeMember,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/ownership/consumer-protocol.ts'
import { assignGroup } from '../../src/ownership/group-assignment.ts'
import { encodeData } from '../../src/protocol/data.ts'
import { ProtocolError } from '../../src/protocol/protocol-error.ts'
import { member, of, shown, topicsOf } from './groups.ts'

const identity = { id: 'm0', instanceId: 'i0' }
const owned = [...of('a', 0, 2), ...of('b', 1)]
const told = { topics: ['a', 'b'], owned, generation: 7, rack: 'r1', userData: Buffer.from([1, 2]) }

test('what a member says arrives as it was, whatever its order', () => {
  assert.deepEqual(decodeSubscription(encodeSubscription(told)), told)
  const mixed = { ...told, topics: ['b', 'a'], owned: owned.toReversed() }
  assert.deepEqual(encodeSubscription(mixed), encodeSubscription(told))
  const empty = { topics: [], owned: [], generation: -1, rack: null, userData: null }
  assert.deepEqual(decodeSubscription(encodeSubscription(empty)), empty)
})

test('what a member is given arrives as it was', () => {
  const userData = Buffer.from([3])
  assert.deepEqual(decodeAssignment(encodeAssignment(owned.toReversed(), userData)), { partitions: owned, userData })
  assert.deepEqual(decodeAssignment(encodeAssignment([])), { partitions: [], userData: null })
})

test('what older members do not say is unknown, and what newer ones add does no harm', () => {
  const unknown = { owned: [], generation: -1, rack: null }
  const oldest = encodeData('ConsumerProtocolSubscription', 0, { topics: told.topics, userData: told.userData })
  assert.deepEqual(decodeSubscription(oldest), { ...told, ...unknown })
  const newer = Buffer.concat([encodeSubscription(told), Buffer.from('more')])
  newer.writeInt16BE(4)
  assert.deepEqual(decodeSubscription(newer), told)
  const noRack = encodeData('ConsumerProtocolSubscription', 3, { topics: [], rackId: '' })
  assert.equal(decodeSubscription(noRack).rack, null)
})

test('sticky keeps in the user data what a member had, since its subscription has it no more', () => {
  assert.equal(sticky.userData?.({ owned: [], generation: -1 }), null)
  const userData = sticky.userData?.({ owned, generation: 7 }) ?? null
  const joining = encodeSubscription({ ...told, owned: of('b', 3), generation: 2, userData })
  assert.deepEqual(decodeMember(sticky, identity, joining), { ...told, ...identity, userData })
  assert.deepEqual(readStickyUserData(stickyUserData(owned, 7).subarray(0, -4)), { owned, generation: -1 })
  const nothing = { owned: [], generation: -1 }
  for (const bytes of [null, Buffer.alloc(0), stickyUserData(owned, 7).subarray(0, -5)]) {
    assert.deepEqual(readStickyUserData(bytes), nothing)
  }
})

test('cooperative-sticky takes the generation from the user data where the subscription is too old to have it', () => {
  const userData = cooperativeSticky.userData?.({ owned, generation: 9 }) ?? null
  const read = (version: number, data: Buffer | null) => {
    const ownedPartitions = [{ topic: 'a', partitions: [0, 2] }]
    const subscription = { topics: ['a'], userData: data, ownedPartitions, ...(version > 1 && { generationId: 5 }) }
    const metadata = encodeData('ConsumerProtocolSubscription', version, subscription)
    const { owned, generation } = decodeMember(cooperativeSticky, identity, metadata)
    assert.deepEqual(owned, of('a', 0, 2))
    return generation
  }
  assert.equal(read(1, userData), 9)
  assert.equal(read(2, userData), 5)
  assert.equal(read(1, null), -1)
  assert.equal(read(1, Buffer.from([0, 0])), -1)
})

test('whatever bytes come, they are read or refused with a ProtocolError', () => {
  const valid = [encodeSubscription(told), encodeAssignment(owned), stickyUserData(owned, 7)]
  const damaged = fc
    .tuple(fc.constantFrom(...valid), fc.nat(), fc.integer({ min: -128, max: 127 }), fc.nat())
    .map(([bytes, at, value, cut]) => {
      const copy = Buffer.from(bytes)
      copy.writeInt8(value, at % copy.length)
      return copy.subarray(0, cut % 3 === 0 ? cut % copy.length : copy.length)
    })
  const random = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(damaged, random), bytes => {
      for (const read of [decodeSubscription, decodeAssignment, readStickyUserData]) {
        try {
          read(bytes)
        } catch (error) {
          assert.ok(error instanceof ProtocolError && read !== readStickyUserData)
        }
      }
    }),
    { numRuns: 1_000 },
  )
})

test('lengths and counts that the bytes do not hold are refused before they are believed', () => {
  const huge = Buffer.from('000300000000ffffffff7fffffff', 'hex')
  assert.throws(() => decodeSubscription(huge), ProtocolError)
  const many = [{ topic: 'a', partitions: Array(1_000_001).fill(0) }]
  const assignedPartitions = encodeData('ConsumerProtocolAssignment', 3, { assignedPartitions: many })
  assert.throws(() => decodeAssignment(assignedPartitions), /more than 1000000 partitions/)
})

test('a member that names a partition or topic twice, or one that cannot be, is a member like others', () => {
  const strange = [...of('a', 1, 1, -1, 2 ** 31 - 1), ...of('nowhere', 3)]
  const metadata = encodeSubscription({ ...told, topics: ['a', 'a'], owned: strange })
  const members = [decodeMember(cooperativeSticky, identity, metadata), member('m1', ['a'])]
  const topics = topicsOf({ a: 4 })
  assert.deepEqual(shown(assignGroup(cooperativeSticky, members, topics)), { m0: 'a[1] a[0]', m1: 'a[2] a[3]' })
  assert.deepEqual(shown(assignGroup(range, members, topics)), { m0: 'a[0] a[1]', m1: 'a[2] a[3]' })
})
