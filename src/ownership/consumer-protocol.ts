import type { TopicPartition } from '../base/topic-partition.ts'
import { decodeData, encodeData } from '../protocol/data.ts'
import type { Assignor, GroupMember, MemberSubscription } from './assignors/assignor.ts'
import { byTopic, oneByOne } from './by-topic.ts'

/** The version that Kafka 4.1 writes; those who know only older ones read as much of it as they know. */
const version = 3

/** The metadata of one strategy in a JoinGroup request. */
export function encodeSubscription({ topics, owned, generation, rack, userData }: MemberSubscription): Buffer {
  return encodeData('ConsumerProtocolSubscription', version, {
    topics: topics.toSorted(),
    userData,
    ownedPartitions: byTopic(owned),
    generationId: generation,
    rackId: rack,
  })
}

/** @throws {ProtocolError} */
export function decodeSubscription(bytes: Buffer): MemberSubscription {
  const { topics, userData, ownedPartitions, generationId, rackId } = decodeData('ConsumerProtocolSubscription', bytes)
  return { topics, userData, owned: oneByOne(ownedPartitions), generation: generationId, rack: rackId || null }
}

/** A member as an assignor is to see it: `identity` and metadata are of the answer to JoinGroup. @throws {ProtocolError} */
export function decodeMember(
  assignor: Assignor,
  identity: { readonly id: string; readonly instanceId: string | null },
  metadata: Buffer,
): GroupMember {
  const subscription = decodeSubscription(metadata)
  return { ...identity, ...subscription, ...assignor.lastAssignment?.(subscription) }
}

/** What one member gets, in a SyncGroup request. */
export function encodeAssignment(partitions: readonly TopicPartition[], userData: Uint8Array | null = null): Buffer {
  return encodeData('ConsumerProtocolAssignment', version, { assignedPartitions: byTopic(partitions), userData })
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Buffer | null
}

/** No bytes: nothing, as some leaders and the brokers say it of a member that is left out. @throws {ProtocolError} */
export function decodeAssignment(bytes: Buffer): MemberAssignment {
  if (bytes.length === 0) return { partitions: [], userData: null }
  const { assignedPartitions, userData } = decodeData('ConsumerProtocolAssignment', bytes)
  return { partitions: oneByOne(assignedPartitions), userData }
}
