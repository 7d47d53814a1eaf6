import { exponential } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { ApiName } from '../protocol/apis.ts'
import { decodeData } from '../protocol/data.ts'
import { errorCodes, isCoordinatorError, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { Requests, Responses } from '../protocol/messages.ts'
import type { NativeClient } from './native-client.ts'
import { check, type Outcome, unless } from './outcome.ts'
import { byTopic } from './routing.ts'

export interface ListedGroup {
  readonly group: string
  /** `classic`, `consumer` (KIP-848), `share` or `streams`; empty where the broker is too old to tell (before Kafka 3.8). */
  readonly type: string
  /** `consumer` for groups of consumers; empty when it never had members. */
  readonly protocolType: string
  /** `Stable`, `Empty`, …; empty where the broker is too old to tell (before Kafka 2.6). */
  readonly state: string
}

export interface DescribedGroup extends ListedGroup {
  /** The assignment strategy: what the members agreed on, or of a group of KIP-848 the broker's. Empty while there is none. */
  readonly strategy: string
  /** Node id of the broker that coordinates it. */
  readonly coordinator: number
  readonly members: readonly DescribedMember[]
}

export interface DescribedMember {
  readonly memberId: string
  /** Of a static member (KIP-345). */
  readonly instanceId: string | null
  readonly clientId: string
  /** The address that it connects from. */
  readonly host: string
  /** What it is assigned; null where that cannot be read, as only consumers have a format that is known here. */
  readonly partitions: readonly TopicPartition[] | null
}

/** A member by its id, or a static one by its instance id. */
export type MemberName = { readonly memberId: string } | { readonly instanceId: string }

export interface RemovedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly error: MillraceError | null
}

export interface GroupOffset extends TopicPartition {
  /** The next one to read. */
  readonly offset: number
  readonly metadata: string
  readonly error: MillraceError | null
}

export interface NewGroupOffset extends TopicPartition {
  /** The next one to read. */
  readonly offset: number
  /** Epoch of the leader that wrote the last message before it (KIP-320). Default -1: not known. */
  readonly leaderEpoch?: number
  /** Default empty. */
  readonly metadata?: string
}

/** What became of one partition. */
export interface PartitionOutcome extends TopicPartition {
  readonly error: MillraceError | null
}

/** From version 10 on OffsetFetch and OffsetCommit name topics by id. */
const lastVersionWithNames = 9
/** A member can be named by its instance id, and several at once. */
const firstVersionWithMembers = 3
const consumerProtocol = 'consumer'
const coordinatorAttempts = 10
const coordinatorBackoff = exponential(100, 1_000)

/** The part of `Admin` that is about groups: what is asked of a group's coordinator. */
export class GroupAdmin {
  readonly #client: NativeClient

  constructor(client: NativeClient) {
    this.#client = client
  }

  async list(): Promise<readonly ListedGroup[]> {
    const { brokers } = await this.#client.metadata([])
    const answers = brokers.map(async ({ nodeId }) => {
      const answer = await this.#client.send({ nodeId }, 'ListGroups', {})
      check(answer, `listing the groups of node ${nodeId}`)
      return answer.groups.map(({ groupId: group, groupType: type, protocolType, groupState: state }) => {
        return { group, type, protocolType, state }
      })
    })
    return (await Promise.all(answers)).flat()
  }

  /** Each of the two kinds of group is asked for with a request of its own, and is unknown to the other's. */
  async describe(group: string): Promise<DescribedGroup> {
    const doing = `describing group ${group}`
    const described = (await this.#describeClassic(group, doing)) ?? (await this.#describeConsumer(group, doing))
    if (described === null) throw new KafkaError(errorCodes.GROUP_ID_NOT_FOUND, doing)
    return { group, ...described, coordinator: await this.#client.coordinatorOf(group) }
  }

  async delete(group: string): Promise<void> {
    const found = (answer: Responses['DeleteGroups']) => answer.results.find(({ groupId }) => groupId === group)
    await this.#ask(group, 'DeleteGroups', { groupsNames: [group] }, found, `deleting group ${group}`)
  }

  async offsets(group: string): Promise<readonly GroupOffset[]> {
    const body = (version: number) =>
      version < 8 ? { groupId: group, topics: null } : { groups: [{ groupId: group, topics: null }] }
    const found = (answer: Responses['OffsetFetch']) => answer.groups.find(({ groupId }) => groupId === group) ?? answer
    const versions = { minVersion: 2, maxVersion: lastVersionWithNames }
    const doing = `loading the offsets of group ${group}`
    const { topics } = found(await this.#ask(group, 'OffsetFetch', body, found, doing, versions))
    return topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex: partition, committedOffset: offset, metadata, errorCode }) => {
        const error = partitionError(errorCode, 'loading an offset', { topic, partition })
        return { topic, partition, offset, metadata: metadata ?? '', error }
      }),
    )
  }

  async setOffsets(group: string, offsets: readonly NewGroupOffset[]): Promise<readonly PartitionOutcome[]> {
    const topics = byTopic(offsets, ({ partition, offset, leaderEpoch = -1, metadata = '' }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    }))
    const body = { groupId: group, generationIdOrMemberEpoch: -1, memberId: '', topics }
    const versions = { maxVersion: lastVersionWithNames }
    const doing = `setting offsets of group ${group}`
    const answer = await this.#ask(group, 'OffsetCommit', body, outcomeOfCommit, doing, versions)
    return outcomes(answer.topics, 'setting an offset')
  }

  async deleteOffsets(group: string, partitions: readonly TopicPartition[]): Promise<readonly PartitionOutcome[]> {
    const topics = byTopic(partitions, ({ partition }) => ({ partitionIndex: partition }))
    const doing = `deleting offsets of group ${group}`
    const answer = await this.#ask(group, 'OffsetDelete', { groupId: group, topics }, found => found, doing)
    return outcomes(answer.topics, 'deleting an offset')
  }

  async removeMembers(group: string, members: readonly MemberName[]): Promise<readonly RemovedMember[]> {
    const reason = 'removed by an administrator'
    const leaving = members.map(name =>
      'memberId' in name
        ? { memberId: name.memberId, reason }
        : { memberId: '', groupInstanceId: name.instanceId, reason },
    )
    const body = { groupId: group, members: leaving }
    const versions = { minVersion: firstVersionWithMembers }
    const doing = `removing members of group ${group}`
    const answer = await this.#ask(group, 'LeaveGroup', body, found => found, doing, versions)
    return answer.members.map(({ memberId, groupInstanceId: instanceId, errorCode }) => {
      const error = kafkaError(errorCode, `removing member ${memberId || instanceId} of group ${group}`)
      return { memberId, instanceId, error }
    })
  }

  /** https://kafka.apache.org/protocol#The_Messages_DescribeGroups; null when there is no such classic group. */
  async #describeClassic(group: string, doing: string): Promise<Description | null> {
    const found = (answer: Responses['DescribeGroups']) => answer.groups.find(({ groupId }) => groupId === group)
    const asked = this.#ask(group, 'DescribeGroups', { groups: [group] }, found, doing)
    const answer = await unless(asked, 'GROUP_ID_NOT_FOUND')
    const described = answer === null ? undefined : found(answer)
    // Brokers before Kafka 4.0 call a group dead that does not exist.
    if (described === undefined || described.groupState === 'Dead') return null
    const { protocolType, groupState: state, protocolData: strategy } = described
    const members = described.members.map(({ memberId, groupInstanceId, clientId, clientHost, memberAssignment }) => {
      const partitions = protocolType === consumerProtocol ? assignedPartitions(memberAssignment) : null
      return { memberId, instanceId: groupInstanceId, clientId, host: address(clientHost), partitions }
    })
    return { type: 'classic', protocolType, state, strategy, members }
  }

  /** KIP-848. Brokers before Kafka 3.7 do not know the request, and those where that protocol is switched off refuse it. */
  async #describeConsumer(group: string, doing: string): Promise<Description | null> {
    const found = (answer: Responses['ConsumerGroupDescribe']) => answer.groups.find(({ groupId }) => groupId === group)
    const body = { groupIds: [group], includeAuthorizedOperations: false }
    const asked = this.#ask(group, 'ConsumerGroupDescribe', body, found, doing)
    const answer = await unless(asked, 'GROUP_ID_NOT_FOUND', 'UNSUPPORTED_VERSION')
    const described = answer === null ? undefined : found(answer)
    if (described === undefined) return null
    const members = described.members.map(({ memberId, instanceId, clientId, clientHost, assignment }) => {
      const partitions = assignment.topicPartitions.flatMap(({ topicName: topic, partitions }) =>
        partitions.map(partition => ({ topic, partition })),
      )
      return { memberId, instanceId, clientId, host: address(clientHost), partitions }
    })
    const { groupState: state, assignorName: strategy } = described
    return { type: 'consumer', protocolType: consumerProtocol, state, strategy, members }
  }

  /** A coordinator that moved or is loading did nothing: it is asked again for some seconds. */
  async #ask<N extends ApiName>(
    group: string,
    name: N,
    body: Requests[N] | ((version: number) => Requests[N]),
    find: (answer: Responses[N]) => Outcome | undefined,
    doing: string,
    versions: { minVersion?: number; maxVersion?: number } = {},
  ): Promise<Responses[N]> {
    const { settings, signal } = this.#client.router
    const { clock, random } = settings
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#client.send({ group }, name, body, versions)
      const outcome = find(answer)
      if (!isCoordinatorError(outcome?.errorCode ?? 0) || attempt === coordinatorAttempts) {
        check(outcome, doing)
        return answer
      }
      this.#client.forgetCoordinator(group)
      await sleep(clock, coordinatorBackoff(attempt, random), signal)
    }
  }
}

type Description = Omit<DescribedGroup, 'group' | 'coordinator'>

/** Null when it is damaged: that must not hide the other members. */
function assignedPartitions(assignment: Buffer): readonly TopicPartition[] | null {
  // So it is until the group has settled.
  if (assignment.length === 0) return []
  try {
    const { assignedPartitions } = decodeData('ConsumerProtocolAssignment', assignment)
    return [...assignedPartitions].flatMap(({ topic, partitions }) =>
      partitions.map(partition => ({ topic, partition })),
    )
  } catch {
    return null
  }
}

/** Java writes a slash before an address that has no name. */
function address(host: string): string {
  return host.replace(/^\//, '')
}

/** What is about the group as a whole is said of each partition; of one that has members, that whoever commits is none of them. */
function outcomeOfCommit({ topics }: Responses['OffsetCommit']): Outcome {
  const codes = topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
  if (codes.includes(errorCodes.UNKNOWN_MEMBER_ID)) return { errorCode: errorCodes.NON_EMPTY_GROUP }
  return { errorCode: codes.find(isCoordinatorError) ?? errorCodes.NONE }
}

function outcomes(
  topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
  }[],
  doing: string,
): readonly PartitionOutcome[] {
  return topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, errorCode }) => {
      return { topic, partition, error: partitionError(errorCode, doing, { topic, partition }) }
    }),
  )
}

function partitionError(errorCode: number, doing: string, place: TopicPartition): MillraceError | null {
  return kafkaError(errorCode, `${doing} of ${partitionName(place.topic, place.partition)}`, place)
}
