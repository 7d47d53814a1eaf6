import type { TopicPartition } from '../../base/topic-partition.ts'
import { type Assignment, type Assignor, type GroupMember, type GroupTopics, inOrder } from './assignor.ts'
import { partitionKinds } from './partition-kinds.ts'
import { Placement } from './placement.ts'
import { readStickyUserData, stickyUserData } from './sticky-user-data.ts'

/**
 * As even as it can be by moving single partitions; with equal subscriptions, members differ by one partition at most. Within that,
 * on near racks first (KIP-881), and then with as few partitions changing hands as it finds.
 */
export function assignSticky(members: readonly GroupMember[], topics: GroupTopics): Assignment {
  const sorted = inOrder(members)
  const assigned: TopicPartition[][] = sorted.map(() => [])
  const placement = new Placement(partitionKinds(sorted, topics), sorted.length)
  placement.deal((member, partition) => assigned[member]?.push(partition))
  return new Map(sorted.map(({ id }, place) => [id, assigned[place] ?? []]))
}

/** Each member gives up all it has, and tells in its user data what that was (KIP-54, KIP-341). */
export const sticky: Assignor = {
  name: 'sticky',
  protocol: 'eager',
  assign: assignSticky,
  userData: ({ owned, generation }) => (generation < 0 ? null : stickyUserData(owned, generation)),
  lastAssignment: ({ userData }) => readStickyUserData(userData),
}
