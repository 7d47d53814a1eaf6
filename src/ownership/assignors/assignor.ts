import type { TopicPartition } from '../../base/topic-partition.ts'

/** What a member was assigned, and when. */
export interface LastAssignment {
  readonly owned: readonly TopicPartition[]
  /** Generation of the group that `owned` comes from; -1 when unknown. */
  readonly generation: number
}

/** What a member says when it joins. */
export interface MemberSubscription extends LastAssignment {
  readonly topics: readonly string[]
  readonly rack: string | null
  /** What the member's strategy adds. */
  readonly userData: Buffer | null
}

/** One member of a group, as the member sees it that assigns for all. */
export interface GroupMember extends MemberSubscription {
  readonly id: string
  /** Of a static member: stays the same when the process starts again. */
  readonly instanceId: string | null
}

export interface GroupTopic {
  readonly partitions: number
  /** Racks that hold a replica, for each partition; null when no broker tells its rack. */
  readonly racks: readonly (readonly string[])[] | null
}

/** Topics by name, at least those that a member is subscribed to and that exist. */
export type GroupTopics = ReadonlyMap<string, GroupTopic>

/** What each member gets, by member id. */
export type Assignment = ReadonlyMap<string, readonly TopicPartition[]>

/**
 * Divides the partitions among the members of a group. `assign` depends on nothing but what it is given, and who has no part in its
 * answer gets nothing.
 */
export interface Assignor {
  /** Its name on the wire, by which the members of a group agree on a strategy. */
  readonly name: string
  /**
   * `eager`: members give up all they own before each assignment. `cooperative`: they keep it, and what `assign` moves from one to another
   * is withheld until its owner has given it up.
   */
  readonly protocol: 'eager' | 'cooperative'
  assign(members: readonly GroupMember[], topics: GroupTopics): Assignment
  /** What is sent as user data with the subscription. Default: none. */
  userData?(last: LastAssignment): Buffer | null
  /** What a member owns, or had last. Default: as the subscription itself has it. */
  lastAssignment?(subscription: MemberSubscription): LastAssignment
}

/** Static members first, by instance id, then the others by member id: a restart of a static member changes no place. */
export function inOrder(members: readonly GroupMember[]): GroupMember[] {
  return members.toSorted((a, b) => {
    if (a.instanceId === null && b.instanceId === null) return compareText(a.id, b.id)
    if (a.instanceId === null) return 1
    if (b.instanceId === null) return -1
    return compareText(a.instanceId, b.instanceId)
  })
}

/** By UTF-16 code units, as Java compares. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export interface SubscribedTopic extends GroupTopic {
  readonly topic: string
  /** Places in the list of members, ascending. */
  readonly subscribers: readonly number[]
}

/** Topics with partitions and subscribers, by name. */
export function subscribedTopics(members: readonly GroupMember[], topics: GroupTopics): SubscribedTopic[] {
  const subscribers = new Map<string, number[]>()
  members.forEach((member, place) => {
    for (const topic of new Set(member.topics)) {
      const list = subscribers.get(topic)
      if (list === undefined) subscribers.set(topic, [place])
      else list.push(place)
    }
  })
  const subscribed: SubscribedTopic[] = []
  for (const topic of [...subscribers.keys()].sort()) {
    const found = topics.get(topic)
    if (found === undefined || found.partitions === 0) continue
    subscribed.push({ topic, ...found, subscribers: subscribers.get(topic) ?? [] })
  }
  return subscribed
}
