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
export class PartitionKind {
  readonly partitions: TopicPartition[] = []
  /** The place of the subscriber that owns each partition, or `NOBODY`. */
  readonly owners: number[] = []
  /** Places of the members that are subscribed. */
  readonly subscribers: readonly number[]
  /** `NOT_SUBSCRIBED`, `FAR` or `NEAR`, for each member. */
  readonly reach: Uint8Array

  constructor(subscribers: readonly number[], members: readonly GroupMember[], racks: readonly string[] | null) {
    this.subscribers = subscribers
    this.reach = new Uint8Array(members.length)
    for (const place of subscribers) {
      const rack = members[place]?.rack
      this.reach[place] = racks === null || !rack || racks.includes(rack) ? NEAR : FAR
    }
  }

  add(topic: string, partition: number, owner: number): void {
    this.partitions.push({ topic, partition })
    // What an owner is not subscribed to any more, nobody owns.
    this.owners.push(owner >= 0 && this.reach[owner] !== NOT_SUBSCRIBED ? owner : NOBODY)
  }
}

/** All partitions that can be assigned, by kind; those with the fewest subscribers first, for they have the least choice. */
export function partitionKinds(members: readonly GroupMember[], topics: GroupTopics): PartitionKind[] {
  const subscribed = subscribedTopics(members, topics)
  const owners = new Owners(members, topics)
  const known = memberRacks(members)
  const matter = known.size > 0 && racksMatter(known, subscribed.flatMap(rackSets))
  const kinds = new Map<string, Map<string, PartitionKind>>()
  for (const topic of subscribed) {
    const audience = topic.subscribers.join()
    const alike = kinds.get(audience) ?? new Map<string, PartitionKind>()
    kinds.set(audience, alike)
    for (let partition = 0; partition < topic.partitions; partition++) {
      const racks = matter ? [...new Set(topic.racks?.[partition])].sort() : null
      const name = JSON.stringify(racks)
      const kind = alike.get(name) ?? new PartitionKind(topic.subscribers, members, racks)
      alike.set(name, kind)
      kind.add(topic.topic, partition, owners.of(topic.topic, partition))
    }
  }
  const all = [...kinds.values()].flatMap(alike => [...alike.values()])
  return all.sort((a, b) => a.subscribers.length - b.subscribers.length)
}

function rackSets({ partitions, racks }: SubscribedTopic): Set<string>[] {
  return Array.from({ length: partitions }, (_, partition) => new Set(racks?.[partition]))
}
