import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { cooperativeSticky } from '../../src/ownership/assignors/cooperative-sticky.ts'
import { range } from '../../src/ownership/assignors/range.ts'
import { roundRobin } from '../../src/ownership/assignors/round-robin.ts'
import { sticky } from '../../src/ownership/assignors/sticky.ts'
import {
  anyGroup,
  farAway,
  type Group,
  holders,
  member,
  moves,
  of,
  shown,
  topicsOf,
  unevenPartition,
} from './groups.ts'
import { History } from './history.ts'

const bothRacks = { partitions: 4, racks: [['r2'], ['r2'], ['r1'], ['r1']] }

for (const assignor of [range, roundRobin, sticky, cooperativeSticky]) {
  describe(assignor.name, () => {
    test('every partition that has a subscriber goes to one of them, once, and each member is answered', () => {
      fc.assert(
        fc.property(anyGroup, ({ members, topics }) => {
          const assignment = assignor.assign(members, topics)
          const all = [...assignment.values()].flat()
          const found = holders(assignment)
          assert.equal(found.size, all.length)
          const wanted = [...topics].flatMap(([topic, { partitions }]) =>
            members.some(each => each.topics.includes(topic)) ? of(topic, ...Array(partitions).keys()) : [],
          )
          assert.equal(all.length, wanted.length)
          for (const { topic, partition } of wanted) {
            const id = found.get(`${topic}[${partition}]`)
            assert.ok(members.find(each => each.id === id)?.topics.includes(topic))
          }
          assert.deepEqual([...assignment.keys()].sort(), members.map(({ id }) => id).sort())
        }),
      )
    })

    test('the order in which members joined makes no difference', () => {
      fc.assert(
        fc.property(anyGroup, ({ members, topics }) => {
          const turned = assignor.assign(members.toReversed(), topics)
          assert.deepEqual(shown(turned), shown(assignor.assign(members, topics)))
        }),
      )
    })

    test('no members, no assignment', () => {
      assert.equal(assignor.assign([], topicsOf({ a: 2 })).size, 0)
    })

    test('racks change nothing where every partition is on all of them, or on none of a member', () => {
      fc.assert(
        fc.property(anyGroup, fc.constantFrom(['r1', 'r2', 'r3'], ['elsewhere']), ({ members, topics }, racks) => {
          const without = [...topics].map(([name, { partitions }]) => [name, { partitions, racks: null }] as const)
          const everywhere = without.map(
            ([name, topic]) => [name, { ...topic, racks: Array(topic.partitions).fill(racks) }] as const,
          )
          const expected = assignor.assign(members, new Map(without))
          assert.deepEqual(shown(assignor.assign(members, new Map(everywhere))), shown(expected))
        }),
      )
    })
  })
}

test('range gives neighbours, the first members one more, and the same numbers of topics alike', () => {
  const members = ['m2', 'm0', 'm1'].map(id => member(id, ['a', 'b', 'c']))
  assert.deepEqual(shown(range.assign(members, topicsOf({ a: 4, b: 4, c: 2 }))), {
    m0: 'a[0] a[1] b[0] b[1] c[0]',
    m1: 'a[2] b[2] c[1]',
    m2: 'a[3] b[3]',
  })
})

test('range: a static member keeps its place when it starts again with another member id', () => {
  const place = (id: string) => {
    const members = [member('m1', ['a']), member(id, ['a'], { instanceId: 'i2' }), member('m9', ['a'])]
    return range.assign(members, topicsOf({ a: 3 })).get(id)
  }
  assert.deepEqual(place('m0'), of('a', 0))
  assert.deepEqual(place('m99'), of('a', 0))
})

test('range gives what is on a member’s rack, and gives up racks so that topics alike stay together', () => {
  const members = ['a', 'b'].map((topic, i) => member(`m${i + 1}`, [topic], { rack: `r${i + 1}` }))
  const both = members.map(each => ({ ...each, topics: ['a', 'b'] }))
  const alike = { partitions: 4, racks: bothRacks.racks.toReversed() }
  assert.deepEqual(shown(range.assign(both, new Map([['a', bothRacks]]))), { m1: 'a[2] a[3]', m2: 'a[0] a[1]' })
  assert.deepEqual(shown(range.assign(both, new Map(Object.entries({ a: bothRacks, b: alike })))), {
    m1: 'a[0] a[1] b[0] b[1]',
    m2: 'a[2] a[3] b[2] b[3]',
  })
})

test('round-robin deals over all topics and leaves out who is not subscribed', () => {
  const members = [member('m0', ['a']), member('m1', ['a', 'b']), member('m2', ['a', 'b', 'c'])]
  assert.deepEqual(shown(roundRobin.assign(members, topicsOf({ a: 1, b: 2, c: 3 }))), {
    m0: 'a[0]',
    m1: 'b[0]',
    m2: 'b[1] c[0] c[1] c[2]',
  })
})

test('sticky: numbers are as even as moving single partitions can make them', () => {
  fc.assert(
    fc.property(anyGroup, ({ members, topics }) => {
      assert.equal(unevenPartition(members, sticky.assign(members, topics)), null)
    }),
  )
})

test('sticky, with equal subscriptions: no more partitions change hands than must for even numbers', () => {
  for (const { group, assignment } of rebalances({ alike: true, racks: false }, 40)) {
    const sizes = group.members.map(({ owned }) => owned.filter(each => exists(group, each)).length)
    const total = [...group.topics.values()].reduce((sum, { partitions }) => sum + partitions, 0)
    const least = Math.floor(total / sizes.length)
    let extra = total % sizes.length
    let must = 0
    for (const size of sizes.sort((a, b) => b - a)) must += Math.max(0, size - least - (extra-- > 0 ? 1 : 0))
    assert.equal(moves(group.members, assignment), must)
  }
})

test('sticky: what was assigned stays so while nothing changes, whatever the subscriptions and racks', () => {
  for (const alike of [true, false]) {
    for (const racks of [true, false]) {
      for (const { group, assignment } of rebalances({ alike, racks }, 20)) {
        const members = group.members.map(each => ({ ...each, owned: assignment.get(each.id) ?? [] }))
        assert.equal(moves(members, sticky.assign(members, group.topics)), 0)
      }
    }
  }
})

test('sticky: a partition moves to a near rack when numbers stay even, and not for the sake of racks alone', () => {
  const swapped = [
    member('m1', ['a'], { rack: 'r1', owned: of('a', 0, 2), generation: 1 }),
    member('m2', ['a'], { rack: 'r2', owned: of('a', 1, 3), generation: 1 }),
  ]
  const topics = new Map([['a', bothRacks]])
  const assignment = sticky.assign(swapped, topics)
  assert.deepEqual(shown(assignment), { m1: 'a[2] a[3]', m2: 'a[1] a[0]' })
  assert.equal(farAway({ members: swapped, topics }, assignment), 0)
  const alone = [member('m1', ['a'], { rack: 'r1' }), member('m3', ['a'], { rack: 'r3' })]
  assert.equal(unevenPartition(alone, sticky.assign(alone, topics)), null)
})

test('sticky: new partitions go to near racks, so that none that is owned has to move for them', () => {
  const near = { partitions: 4, racks: [['r1'], ['r2'], ['r2'], ['r1']] }
  const members = [
    member('m1', ['a'], { rack: 'r1', owned: of('a', 0), generation: 1 }),
    member('m2', ['a'], { rack: 'r2', owned: of('a', 1), generation: 1 }),
  ]
  assert.deepEqual(shown(sticky.assign(members, new Map([['a', near]]))), { m1: 'a[0] a[3]', m2: 'a[1] a[2]' })
})

test('sticky: what a member gives up is spread over its topics', () => {
  const topics = topicsOf({ a: 4, b: 4 })
  const old = member('m0', ['a', 'b'], { owned: [...of('a', 0, 1, 2, 3), ...of('b', 0, 1, 2, 3)], generation: 1 })
  assert.deepEqual(shown(sticky.assign([old, member('m1', ['a', 'b'])], topics)), {
    m0: 'a[0] b[0] a[1] b[1]',
    m1: 'a[2] a[3] b[2] b[3]',
  })
})

test('sticky: of two that say to own a partition the newer generation does, and in the same generation neither', () => {
  const topics = topicsOf({ a: 6 })
  const old = member('m0', ['a'], { owned: of('a', 0, 1, 2), generation: 3 })
  const late = member('m1', ['a'], { owned: of('a', 0, 3, 4, 5), generation: 2 })
  assert.deepEqual(shown(sticky.assign([late, old], topics)), { m0: 'a[0] a[1] a[2]', m1: 'a[3] a[4] a[5]' })
  const same = { ...late, generation: 3 }
  const assignment = sticky.assign([same, old], topics)
  assert.deepEqual(shown(assignment), { m0: 'a[1] a[2] a[0]', m1: 'a[3] a[4] a[5]' })
})

test('sticky: large groups are assigned in a moment, also from one member to many and back', () => {
  const before = performance.now()
  for (const [count, topicCount, partitions] of [
    [200, 1, 1_000],
    [100, 100, 50],
  ] as const) {
    const names = Array.from({ length: topicCount }, (_, i) => `t${i}`)
    const topics = topicsOf(Object.fromEntries(names.map(name => [name, partitions])))
    const random = seededRandom(count)
    for (const share of [1, 0.5]) {
      const all = Array.from({ length: count }, (_, i) =>
        member(`m${i}`, i === 0 ? names : names.filter(() => random() < share)),
      )
      let assignment = sticky.assign(all.slice(0, 1), topics)
      for (const size of [count, count / 2, count]) {
        const members = all.slice(0, size).map(each => ({ ...each, owned: assignment.get(each.id) ?? [] }))
        assignment = sticky.assign(members, topics)
        assert.equal(unevenPartition(members, assignment), null)
      }
    }
  }
  // It takes a tenth of that; a slow algorithm takes minutes.
  assert.ok(performance.now() - before < 5_000)
})

/** Groups as they change, each with what `sticky` made of it, which is owned in the next. */
function* rebalances(kind: { alike: boolean; racks: boolean }, histories: number) {
  for (let seed = 1; seed <= histories; seed++) {
    const history = new History(kind, seededRandom(seed))
    let assignment: ReturnType<typeof sticky.assign> = new Map()
    for (let generation = 1; generation <= 8; generation++) {
      const group = history.group(assignment, generation)
      assignment = sticky.assign(group.members, group.topics)
      yield { group, assignment }
      history.step()
    }
  }
}

function exists({ topics }: Group, { topic, partition }: { topic: string; partition: number }): boolean {
  return partition < (topics.get(topic)?.partitions ?? 0)
}
