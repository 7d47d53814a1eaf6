import { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { NativeClient } from '../client/native-client.ts'
import { kafkaError } from '../protocol/error-codes.ts'
import type { OffsetFetchResponse } from '../protocol/messages.ts'
import type { MemberIdentity } from './membership.ts'
import type { CommittedOffset } from './storage.ts'

/**
 * From version 10 on both requests name topics by id (Kafka 4.1). Here they are named: that needs no metadata beforehand, and a group's
 * offsets have always been those of a name.
 */
const LAST_VERSION_WITH_NAMES = 9

interface FoundOffset {
  readonly committedOffset: number
  readonly committedLeaderEpoch: number
  readonly metadata: string | null
  readonly errorCode: number
}

type GroupClient = Pick<NativeClient, 'send'>

/** OffsetFetch of one group: what the broker answered, by partition name. Rejects with a `KafkaError` when it is about the group. */
export async function askForOffsets(
  client: GroupClient,
  group: string,
  partitions: readonly TopicPartition[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, FoundOffset>> {
  const topics = topicsOf(group, await fetchInSomeForm(client, group, partitions, timeoutMs))
  const found = new Map<string, FoundOffset>()
  for (const { name, partitions } of topics) {
    for (const partition of partitions) found.set(partitionName(name, partition.partitionIndex), partition)
  }
  return found
}

/** Topics for which a group has committed anything, whoever did. */
export async function askForTopics(client: GroupClient, group: string, timeoutMs: number): Promise<readonly string[]> {
  const body = (version: number) =>
    version < 8 ? { groupId: group, topics: null } : { groups: [{ groupId: group, topics: null }] }
  const versions = { minVersion: 2, maxVersion: LAST_VERSION_WITH_NAMES }
  const answer = await client.send({ group }, 'OffsetFetch', body, { timeoutMs, ...versions })
  return topicsOf(group, answer)
    .filter(({ partitions }) => partitions.some(each => each.committedOffset >= 0))
    .map(({ name }) => name)
}

function topicsOf(group: string, answer: OffsetFetchResponse): OffsetFetchResponse['topics'] {
  const { errorCode, topics } = answer.groups.find(({ groupId }) => groupId === group) ?? answer
  const error = kafkaError(errorCode, `loading the offsets of group ${group}`)
  if (error !== null) throw error
  return topics
}

/** Three forms, newest first: several groups in one request (Kafka 3.0), stable offsets only (2.5), and before that. */
async function fetchInSomeForm(
  client: GroupClient,
  groupId: string,
  partitions: readonly TopicPartition[],
  timeoutMs: number,
): Promise<OffsetFetchResponse> {
  const topics = [...byTopic(partitions)].map(([name, partitions]) => {
    return { name, partitionIndexes: partitions.map(({ partition }) => partition) }
  })
  const forms = [
    {
      body: { groups: [{ groupId, topics }], requireStable: true },
      minVersion: 8,
      maxVersion: LAST_VERSION_WITH_NAMES,
    },
    { body: { groupId, topics, requireStable: true }, minVersion: 7, maxVersion: 7 },
    { body: { groupId, topics }, minVersion: 1, maxVersion: 6 },
  ]
  let unsupported: unknown
  for (const { body, ...versions } of forms) {
    try {
      return await client.send({ group: groupId }, 'OffsetFetch', body, { timeoutMs, ...versions })
    } catch (thrown) {
      if (!isUnsupported(thrown)) throw thrown
      unsupported = thrown
    }
  }
  throw unsupported
}

/** From outside of the group. */
const nobody: MemberIdentity = { generation: -1, memberId: '', instanceId: null }
/** Static members (KIP-345). */
const FIRST_STATIC_COMMIT = 7

/** OffsetCommit, as a member or from outside of the group. Answers the error codes by partition name. */
export async function commitOffsets(
  client: GroupClient,
  groupId: string,
  member: MemberIdentity | null,
  offsets: readonly CommittedOffset[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, number>> {
  const topics = [...byTopic(offsets)].map(([name, offsets]) => ({
    name,
    partitions: offsets.map(({ partition, offset, leaderEpoch, metadata }) => {
      return {
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata,
      }
    }),
  }))
  const { generation: generationIdOrMemberEpoch, memberId, instanceId } = member ?? nobody
  const groupInstanceId = instanceId === null ? {} : { groupInstanceId: instanceId }
  const body = { groupId, generationIdOrMemberEpoch, memberId, ...groupInstanceId, topics }
  const versions = { minVersion: instanceId === null ? 0 : FIRST_STATIC_COMMIT, maxVersion: LAST_VERSION_WITH_NAMES }
  const answer = await client.send({ group: groupId }, 'OffsetCommit', body, { timeoutMs, ...versions })
  const codes = new Map<string, number>()
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode } of partitions) codes.set(partitionName(name, partitionIndex), errorCode)
  }
  return codes
}

function byTopic<T extends TopicPartition>(items: readonly T[]): Map<string, T[]> {
  return Map.groupBy(items, ({ topic }) => topic)
}

function isUnsupported(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.code === 'UNSUPPORTED_VERSION'
}
