import type { TopicPartition } from '../../base/topic-partition.ts'
import { type GroupMember, type GroupTopics, type SubscribedTopic, subscribedTopics } from './assignor.ts'
import { NOBODY, Owners } from './owners.ts'
import { memberRacks, racksMatter } from './racks.ts'

/** Whether a member may have a partition, and whether the partition has a replica on the member's rack. */
export const NOT_SUBSCRIBED = 0
export const FAR = 1
/** Also where racks do not matter, or the member tells none. */
export const NEAR = 2

/**
 * Partitions between which only their owners make a difference: they have the same subscribers and, where racks matter, replicas on the
 * same racks. When all members are subscribed alike there is one kind only, or one for each set of racks.
 */
export interface PartitionKind {
  readonly partitions: readonly TopicPartition[]
  /** The place of the subscriber that owns each partition, or `NOBODY`. */
  readonly owners: readonly number[]
  /** Places of the members that are subscribed. */
  readonly subscribers: readonly number[]
  /** `NOT_SUBSCRIBED`, `FAR` or `NEAR`, for each member. */
  readonly reach: Uint8Array
}

/** All partitions that can be assigned, by kind; those with the fewest subscribers first, for they have the least choice. */
export function partitionKinds(members: readonly GroupMember[], topics: GroupTopics): PartitionKind[] {
  const subscribed = subscribedTopics(members, topics)
  const owners = new Owners(members, topics)
  const known = memberRacks(members)
  const matter = known.size > 0 && racksMatter(known, subscribed.flatMap(rackSets))
  const kinds = new Map<string, Kind>()
  for (const topic of subscribed) {
    const audience = topic.subscribers.join()
    for (let partition = 0; partition < topic.partitions; partition++) {
      const racks = matter ? [...new Set(topic.racks?.[partition])].sort() : null
      const name = racks === null ? audience : JSON.stringify([audience, ...racks])
      let kind = kinds.get(name)
      if (kind === undefined) {
        kind = new Kind(topic.subscribers, members, racks)
        kinds.set(name, kind)
      }
      kind.add(topic.topic, partition, owners.of(topic.topic, partition))
    }
  }
  return [...kinds.values()].sort((a, b) => a.subscribers.length - b.subscribers.length || a.nearby - b.nearby)
}

function rackSets({ partitions, racks }: SubscribedTopic): Set<string>[] {
  return Array.from({ length: partitions }, (_, partition) => new Set(racks?.[partition]))
}

class Kind implements PartitionKind {
  readonly partitions: TopicPartition[] = []
  readonly owners: number[] = []
  readonly subscribers: readonly number[]
  readonly reach: Uint8Array
  /** How many members have it near. */
  nearby = 0

  constructor(subscribers: readonly number[], members: readonly GroupMember[], racks: readonly string[] | null) {
    this.subscribers = subscribers
    this.reach = new Uint8Array(members.length)
    for (const place of subscribers) {
      const rack = members[place]?.rack
      const near = racks === null || !rack || racks.includes(rack)
      this.reach[place] = near ? NEAR : FAR
      if (near) this.nearby++
    }
  }

  add(topic: string, partition: number, owner: number): void {
    this.partitions.push({ topic, partition })
    // What an owner is not subscribed to any more, nobody owns.
    this.owners.push(owner >= 0 && this.reach[owner] !== NOT_SUBSCRIBED ? owner : NOBODY)
  }
}
