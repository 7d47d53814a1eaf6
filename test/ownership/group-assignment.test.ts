import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import type { Assignment, Assignor, GroupMember, GroupTopics } from '../../src/ownership/assignors/assignor.ts'
import { cooperativeSticky } from '../../src/ownership/assignors/cooperative-sticky.ts'
import { range } from '../../src/ownership/assignors/range.ts'
import { assignGroup } from '../../src/ownership/group-assignment.ts'
import { holders, member, of, shown, topicsOf } from './groups.ts'
import { History } from './history.ts'

const topics = topicsOf({ a: 4 })
const owner = member('m0', ['a'], { owned: of('a', 0, 1, 2, 3), generation: 1 })

test('cooperative: what is to move is nobody’s until its owner has given it up, all else stays or is given at once', () => {
  const grown = topicsOf({ a: 6 })
  const first = assignGroup(cooperativeSticky, [owner, member('m1', ['a'])], grown)
  assert.deepEqual(shown(first), { m0: 'a[0] a[1] a[2]', m1: 'a[4] a[5]' })
  const second = assignGroup(cooperativeSticky, owning(['m0', 'm1'], first, 2), grown)
  assert.deepEqual(shown(second), { m0: 'a[0] a[1] a[2]', m1: 'a[4] a[5] a[3]' })
})

test('cooperative: of two owners the one of the newer generation keeps a partition, in the same generation both lose it', () => {
  const late = member('m1', ['a'], { owned: of('a', 0), generation: 0 })
  const kept = assignGroup(cooperativeSticky, [owner, late], topics)
  assert.deepEqual(shown(kept), { m0: 'a[0] a[1]', m1: '' })
  const disputed = assignGroup(cooperativeSticky, [owner, { ...late, generation: 1 }], topics)
  assert.ok(!holders(disputed).has('a[0]'))
})

test('cooperative: whatever happens to a group, no partition gets a second owner, and soon all is settled', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed)
    const history = new History({ alike: seed % 2 === 0, racks: seed % 4 > 1 }, random)
    let last: Assignment = new Map()
    let rounds = 0
    for (let generation = 1; rounds < 6 && generation < 40; generation++) {
      const { members, topics } = history.group(last, generation)
      last = assignGroup(cooperativeSticky, members, topics)
      assertOneOwner(members, last)
      const settled = members.every(({ id, owned }) => !missing(owned, last.get(id) ?? []))
      if (settled) assert.deepEqual(unassigned(members, topics, last), [])
      rounds = settled ? 0 : rounds + 1
      // Most changes come when a group has settled, some in the middle of it.
      if (settled || random() < 0.2) history.step()
    }
    assert.ok(rounds < 6, `seed ${seed} does not settle`)
  }
})

test('eager: what a member had is given to another at once', () => {
  assert.deepEqual(shown(assignGroup(range, [owner, member('m1', ['a'])], topics)), {
    m0: 'a[0] a[1]',
    m1: 'a[2] a[3]',
  })
})

test('an own strategy may leave members and partitions out, and also waits for owners when it is cooperative', () => {
  const members = [owner, member('m1', ['a']), member('m2', ['a'])]
  const own: Assignor = { name: 'mine', protocol: 'cooperative', assign: () => new Map([['m1', of('a', 0, 1)]]) }
  assert.deepEqual(shown(assignGroup(own, members, topics)), { m0: '', m1: '', m2: '' })
  const free = [{ ...owner, owned: [] }, ...members.slice(1)]
  assert.deepEqual(shown(assignGroup(own, free, topics)), { m0: '', m1: 'a[0] a[1]', m2: '' })
})

test('an own strategy that is wrong is named with its mistake', () => {
  const members = [member('m0', ['a', 'gone']), member('m1', ['a'])]
  const wrong: [Record<string, TopicPartition[]>, RegExp][] = [
    [{ m0: of('a', 1), m1: of('a', 1) }, /mine assigned a\[1\] to m0 and to m1/],
    [{ m0: of('a', 1, 1) }, /a\[1\] to m0 and to m0/],
    [{ m7: of('a', 1) }, /m7, which is no member/],
    [{ m0: of('a', 4) }, /a\[4\], which does not exist/],
    [{ m0: of('a', 0.5) }, /does not exist/],
    [{ m0: of('gone', 0) }, /does not exist/],
    [{ m1: of('gone', 0) }, /gone\[0\] to m1, which is not subscribed/],
  ]
  for (const [answer, message] of wrong) {
    const mine: Assignor = { name: 'mine', protocol: 'eager', assign: () => new Map(Object.entries(answer)) }
    assert.throws(() => assignGroup(mine, members, topics), { code: 'BAD_ASSIGNMENT', message })
  }
})

function owning(ids: readonly string[], last: Assignment, generation: number): GroupMember[] {
  return ids.map(id => member(id, ['a'], { owned: last.get(id) ?? [], generation }))
}

/** A member begins with what it gets at once, while all others still go on with what they have. */
function assertOneOwner(members: readonly GroupMember[], assignment: Assignment): void {
  const owners = new Map(
    members.flatMap(({ id, owned }) => owned.map(each => [partitionName(each.topic, each.partition), id] as const)),
  )
  for (const [name, id] of holders(assignment)) assert.equal(owners.get(name) ?? id, id, name)
}

function unassigned(members: readonly GroupMember[], topics: GroupTopics, assignment: Assignment): string[] {
  const held = holders(assignment)
  return [...topics]
    .filter(([topic]) => members.some(each => each.topics.includes(topic)))
    .flatMap(([topic, { partitions }]) => [...Array(partitions).keys()].map(each => partitionName(topic, each)))
    .filter(name => !held.has(name))
}

/** Whether a member has to give something up, and so joins again. */
function missing(owned: readonly TopicPartition[], assigned: readonly TopicPartition[]): boolean {
  return owned.some(each => !assigned.some(other => other.topic === each.topic && other.partition === each.partition))
}

test('a strategy that throws, or answers what is no assignment, is named', () => {
  const failing: Assignor = {
    name: 'failing',
    protocol: 'eager',
    assign: () => {
      throw new TypeError('no such property')
    },
  }
  const late = { ...failing, name: 'late', assign: (async () => new Map()) as unknown as Assignor['assign'] }
  const code = (message: RegExp) => (error: MillraceError) =>
    error.code === 'BAD_ASSIGNMENT' && message.test(error.message)
  assert.throws(() => assignGroup(failing, [owner], topics), code(/the strategy failing failed: no such property/))
  assert.throws(() => assignGroup(late, [owner], topics), code(/the strategy late failed: /))
})
