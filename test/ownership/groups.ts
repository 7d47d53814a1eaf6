import fc from 'fast-check'
import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import type { Assignment, GroupMember, GroupTopic, GroupTopics } from '../../src/ownership/assignors/assignor.ts'

/** Members and topics of a group, as an assignor gets them. */
export interface Group {
  readonly members: readonly GroupMember[]
  readonly topics: GroupTopics
}

/** A member that says nothing but what is told here. */
export function member(id: string, topics: readonly string[], more: Partial<GroupMember> = {}): GroupMember {
  return { id, instanceId: null, topics, owned: [], generation: -1, rack: null, userData: null, ...more }
}

/** Topics without racks, by their numbers of partitions. */
export function topicsOf(counts: Readonly<Record<string, number>>): Map<string, GroupTopic> {
  return new Map(Object.entries(counts).map(([topic, partitions]) => [topic, { partitions, racks: null }]))
}

/** Partitions of one topic. */
export function of(topic: string, ...partitions: readonly number[]): TopicPartition[] {
  return partitions.map(partition => ({ topic, partition }))
}

/** What each member has, as text: `a[0] a[1]`. */
export function shown(assignment: Assignment): Record<string, string> {
  const text = (partitions: readonly TopicPartition[]) =>
    partitions.map(each => partitionName(each.topic, each.partition))
  return Object.fromEntries([...assignment].map(([id, partitions]) => [id, text(partitions).join(' ')]))
}

/** Some sort differently by code points than by code units. */
const names = ['a', 'B', 'b', 'b.1', 'ü', '\u{1f600}', '\uffee']
const rack = fc.constantFrom('r1', 'r2', 'r3', '')

const anyTopic: fc.Arbitrary<GroupTopic> = fc.nat({ max: 9 }).chain(partitions =>
  fc.record({
    partitions: fc.constant(partitions),
    racks: fc.option(
      fc.array(fc.uniqueArray(rack, { maxLength: 3 }), { minLength: partitions, maxLength: partitions }),
    ),
  }),
)

/** What a member says to own may be wrong: owned by others too, or not existing. */
const anyPartitions = fc.array(
  fc.record({ topic: fc.constantFrom(...names), partition: fc.integer({ min: -1, max: 9 }) }),
  { maxLength: 12 },
)

/** Any group: topics that do not exist, no partitions, the same subscription for all or not, racks, static members. */
export const anyGroup: fc.Arbitrary<Group> = fc
  .record({
    topics: fc.dictionary(fc.constantFrom(...names), anyTopic, { maxKeys: 5 }),
    alike: fc.option(fc.subarray(names, { minLength: 1 })),
    members: fc.uniqueArray(
      fc.record({
        id: fc.string({ minLength: 1, maxLength: 3 }),
        instance: fc.nat(1000),
        isStatic: fc.boolean(),
        topics: fc.subarray(names),
        owned: anyPartitions,
        generation: fc.integer({ min: -1, max: 2 }),
        rack: fc.option(rack, { freq: 3 }),
      }),
      { minLength: 1, maxLength: 8, comparator: (a, b) => a.id === b.id || a.instance === b.instance },
    ),
  })
  .map(({ topics, alike, members }) => ({
    topics: new Map(Object.entries(topics)),
    members: members.map(({ instance, isStatic, ...each }) => ({
      ...each,
      instanceId: isStatic ? `i${instance}` : null,
      topics: alike ?? each.topics,
      userData: null,
    })),
  }))

/** Who has each partition, by its name. */
export function holders(assignment: Assignment): Map<string, string> {
  const found = new Map<string, string>()
  for (const [id, partitions] of assignment) {
    for (const { topic, partition } of partitions) found.set(partitionName(topic, partition), id)
  }
  return found
}

/** How many partitions that a member owned are now with another. */
export function moves(members: readonly GroupMember[], assignment: Assignment): number {
  const now = holders(assignment)
  let count = 0
  for (const { id, owned } of members) {
    count += owned.filter(each => (now.get(partitionName(each.topic, each.partition)) ?? id) !== id).length
  }
  return count
}

/** A partition that another subscriber could get so that the two have more even numbers. */
export function unevenPartition(members: readonly GroupMember[], assignment: Assignment): string | null {
  for (const [id, partitions] of assignment) {
    for (const { topic, partition } of partitions) {
      const better = members.find(
        each => each.topics.includes(topic) && (assignment.get(each.id)?.length ?? 0) < partitions.length - 1,
      )
      if (better !== undefined) return `${partitionName(topic, partition)} from ${id} to ${better.id}`
    }
  }
  return null
}

/** How many partitions have no replica on the rack of their member. */
export function farAway({ members, topics }: Group, assignment: Assignment): number {
  let count = 0
  for (const { id, rack } of members) {
    for (const { topic, partition } of assignment.get(id) ?? []) {
      if (rack && topics.get(topic)?.racks?.[partition]?.includes(rack) === false) count++
    }
  }
  return count
}
