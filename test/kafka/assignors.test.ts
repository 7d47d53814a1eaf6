import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { TopicPartition } from '../../src/base/topic-partition.ts'
import type { LastAssignment } from '../../src/ownership/assignors/assignor.ts'
import { cooperativeSticky } from '../../src/ownership/assignors/cooperative-sticky.ts'
import { sticky } from '../../src/ownership/assignors/sticky.ts'
import { readStickyUserData } from '../../src/ownership/assignors/sticky-user-data.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/ownership/consumer-protocol.ts'
import { assignGroup } from '../../src/ownership/group-assignment.ts'
import { encodeData } from '../../src/protocol/data.ts'
import { anyGroup, member, of, shown, topicsOf } from '../ownership/groups.ts'
import { compareExactly, compareSticky } from './assignor-comparison.ts'
import { JavaAssignors } from './java-assignors.ts'

const seed = Number(process.env.SEED ?? 1)
let java: JavaAssignors
before(async () => {
  java = await JavaAssignors.start()
})
after(() => java[Symbol.asyncDispose]())

test('range and round-robin give every group what Kafka’s own give it', () => compareExactly(java, seed, 3_000))

test('sticky moves no more than Kafka’s own, and what it gives is as even', async () => {
  for (const alike of [true, false]) {
    const { moves, squares } = await compareSticky(java, seed, { alike, racks: false }, 100)
    assertNoMore(moves, 'moves')
    assertNoMore(squares, 'squares')
  }
})

test('sticky has no more partitions away from their members’ racks than Kafka’s own', async () => {
  const { far, squares } = await compareSticky(java, seed, { alike: true, racks: true }, 100)
  assertNoMore(far, 'far')
  assertNoMore(squares, 'squares')
})

test('cooperative-sticky withholds what Kafka’s own withholds', async () => {
  const members = [
    member('m0', ['a'], { owned: of('a', 0, 1, 2, 3), generation: 1 }),
    member('m1', ['a'], { owned: [], generation: -1 }),
  ]
  const topics = topicsOf({ a: 5 })
  const [theirs] = await java.assign(cooperativeSticky, [{ members, topics }])
  const ours = assignGroup(cooperativeSticky, members, topics)
  assert.deepEqual(shown(ours), { m0: 'a[0] a[1] a[2]', m1: 'a[4]' })
  assert.deepEqual(shown(theirs ?? new Map()), shown(ours))
})

test('Kafka reads every version of a subscription as it was meant, and writes the newest byte for byte alike', async () => {
  const told = fc.sample(anyGroup, { seed, numRuns: 100 }).flatMap(({ members }) => members)
  const newest = told.map((each, i) => ({ ...each, userData: i % 3 === 0 ? null : Buffer.from([i & 0xff, 0]) }))
  const answers = await java.ask(newest.map(each => ({ do: 'subscription', bytes: hex(encodeSubscription(each)) })))
  for (const [i, each] of newest.entries()) {
    const { written, ...read } = answers[i] as { written: string }
    const own = decodeSubscription(encodeSubscription(each))
    assert.deepEqual(read, {
      ...own,
      owned: pairs(own.owned),
      userData: own.userData === null ? null : hex(own.userData),
    })
    // Kafka makes no rack of an empty one.
    assert.equal(written, hex(encodeSubscription({ ...each, rack: each.rack || null })))
  }
  for (const version of [0, 1, 2]) {
    const bytes = encodeData('ConsumerProtocolSubscription', version, {
      topics: ['a', 'b'],
      ...(version > 0 && { ownedPartitions: [{ topic: 'b', partitions: [2, 1] }] }),
      ...(version > 1 && { generationId: 4 }),
    })
    const [answer] = await java.ask([{ do: 'subscription', bytes: hex(bytes) }])
    const { written: _, ...read } = answer as { written: string }
    const own = decodeSubscription(bytes)
    assert.deepEqual(read, { ...own, owned: pairs(own.owned) })
  }
})

test('Kafka reads an assignment as it was meant, and writes it byte for byte alike', async () => {
  const lists = fc.sample(anyGroup, { seed, numRuns: 100 }).flatMap(({ members }) => members.map(({ owned }) => owned))
  const bytes = lists.map((list, i) => encodeAssignment(list, i % 2 === 0 ? null : Buffer.from([i & 0xff])))
  const answers = await java.ask(bytes.map(each => ({ do: 'assignment', bytes: hex(each) })))
  for (const [i, each] of bytes.entries()) {
    const { partitions, userData } = decodeAssignment(each)
    const read = { partitions: pairs(partitions), userData: userData === null ? null : hex(userData) }
    assert.deepEqual(answers[i], { ...read, written: hex(each) })
  }
})

test('what Kafka’s sticky strategies tell of a last assignment is written byte for byte alike, and read as it was meant', async () => {
  const last = { owned: of('a', 0, 2, 5), generation: 7 }
  const ask = async (strategy: string, { owned, generation }: LastAssignment) => {
    const [answer] = await java.ask([{ do: 'userData', strategy, owned: pairs(owned), generation }])
    return Buffer.from((answer as { userData: string }).userData, 'hex')
  }
  assert.deepEqual(await ask('sticky', last), sticky.userData?.(last))
  assert.deepEqual(await ask('cooperative-sticky', last), cooperativeSticky.userData?.(last))
  // Kafka writes several topics in no order.
  const several = { owned: [...of('a', 1), ...of('b', 0, 3), ...of('c', 2)], generation: 8 }
  const { owned, generation } = readStickyUserData(await ask('sticky', several))
  assert.deepEqual(pairs(owned).sort(), pairs(several.owned))
  assert.equal(generation, 8)
})

function assertNoMore({ ours, java }: { ours: number; java: number }, what: string): void {
  // Each goes on from assignments of its own, so chance has a part in it.
  assert.ok(ours <= java * 1.01, `${what}: ours ${ours}, Java's ${java}`)
}

const hex = (bytes: Buffer) => bytes.toString('hex')
const pairs = (list: readonly TopicPartition[]) =>
  list.map(({ topic, partition }): [string, number] => [topic, partition])
