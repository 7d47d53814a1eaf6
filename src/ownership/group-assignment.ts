import { MillraceError, toError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { Assignment, Assignor, GroupMember, GroupTopics } from './assignors/assignor.ts'
import { NOBODY, Owners } from './assignors/owners.ts'

/**
 * What each member of a group gets now, in the order of `members`. With a cooperative strategy a partition that is to move is left out
 * until nobody else says to own it; its owner sees it missing, gives it up and joins again.
 *
 * @throws {MillraceError} `BAD_ASSIGNMENT`, when the strategy has a mistake: nothing of its answer is used
 */
export function assignGroup(assignor: Assignor, members: readonly GroupMember[], topics: GroupTopics): Assignment {
  const assignment = checked(assignor, members, topics)
  const owners = assignor.protocol === 'cooperative' ? new Owners(members, topics) : null
  const mayHave = (place: number, { topic, partition }: TopicPartition) => {
    const owner = owners?.of(topic, partition) ?? NOBODY
    return owner === NOBODY || owner === place
  }
  return new Map(
    members.map(({ id }, place) => [id, (assignment.get(id) ?? []).filter(each => mayHave(place, each))] as const),
  )
}

/** An own strategy may have mistakes, and throw. */
function checked(assignor: Assignor, members: readonly GroupMember[], topics: GroupTopics): Assignment {
  try {
    const assignment = assignor.assign(members, topics)
    check(assignor.name, assignment, members, topics)
    return assignment
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown
    const cause = toError(thrown)
    throw new MillraceError('BAD_ASSIGNMENT', `the strategy ${assignor.name} failed: ${cause.message}`, { cause })
  }
}

/** No partition may get two owners. */
function check(assignor: string, assignment: Assignment, members: readonly GroupMember[], topics: GroupTopics): void {
  const subscriptions = new Map(members.map(({ id, topics }) => [id, new Set(topics)]))
  const taken = new Map<string, string>()
  for (const [id, partitions] of assignment) {
    const subscribed = subscriptions.get(id)
    if (subscribed === undefined) throw wrong(assignor, `assigned to ${id}, which is no member`)
    for (const { topic, partition } of partitions) {
      const name = partitionName(topic, partition)
      const other = taken.get(name)
      if (other !== undefined) throw wrong(assignor, `assigned ${name} to ${other} and to ${id}`)
      if (!subscribed.has(topic)) {
        throw wrong(assignor, `assigned ${name} to ${id}, which is not subscribed`)
      }
      const count = topics.get(topic)?.partitions ?? 0
      if (!(Number.isInteger(partition) && partition >= 0 && partition < count)) {
        throw wrong(assignor, `assigned ${name}, which does not exist`)
      }
      taken.set(name, id)
    }
  }
}

function wrong(assignor: string, problem: string): MillraceError {
  return new MillraceError('BAD_ASSIGNMENT', `the strategy ${assignor} ${problem}`)
}
