import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { textCost } from '../groups/allowance.ts'
import type { Group } from '../groups/group.ts'
import type { GroupOffsets } from '../groups/offsets.ts'
import { consumerType, subscribedTopics } from '../groups/subscription.ts'
import { AnswerSize } from './answer-size.ts'
import { groupError, namedGroupError } from './groups.ts'

interface RequestTopic<P> {
  readonly name: string
  readonly partitions: readonly P[]
}

interface AnsweredTopic {
  readonly name: string
  readonly partitions: { readonly partitionIndex: number; readonly errorCode: number }[]
}

interface CommittedPartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}

/** An error code for each partition: those that do not exist come first, as Kafka orders them; the others are judged in their turn. */
function judged<P extends { readonly partitionIndex: number }>(
  { topics }: Cluster,
  asked: readonly RequestTopic<P>[],
  judge: (topic: string, partition: P) => number,
): AnsweredTopic[] {
  const answers = new Map<string, AnsweredTopic>()
  for (const existing of [false, true]) {
    for (const { name, partitions } of asked) {
      const found = partitions.filter(
        ({ partitionIndex }) => (topics.get(name)?.partitions[partitionIndex] !== undefined) === existing,
      )
      if (found.length === 0) continue
      const answer = answers.get(name) ?? { name, partitions: [] }
      answers.set(name, answer)
      for (const partition of found) {
        const errorCode = existing ? judge(name, partition) : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        answer.partitions.push({ partitionIndex: partition.partitionIndex, errorCode })
      }
    }
  }
  return [...answers.values()]
}

// ── committing ────────────────────────────────────────────────────────────────────────────────────────────────────────

function offsetCommit(cluster: Cluster, call: Call<'OffsetCommit'>): Answer<'OffsetCommit'> {
  const { retentionTimeMs, topics } = call.body
  const now = cluster.clock.now()
  const expiresAt = retentionTimeMs === -1 ? null : now + retentionTimeMs
  // Whether the group takes it is asked for partitions that exist only: others leave no trace, not even a group.
  let group: Group | number | undefined
  return {
    topics: judged(cluster, topics, (topic, partition) => {
      group ??= committingGroup(cluster, call)
      if (typeof group === 'number') return group
      return commit(cluster, group, topic, partition, { committedAt: now, expiresAt, producerId: null })
    }),
  }
}

/** The group, which may be a new one when somebody without membership commits; else an error code. */
function committingGroup(cluster: Cluster, call: Call<'OffsetCommit'>): Group | number {
  const { groupId, generationIdOrMemberEpoch: generation } = call.body
  const error = groupError(cluster, call, groupId)
  if (error !== errorCodes.NONE) return error
  const group = generation < 0 ? cluster.groups.obtain(groupId) : cluster.groups.get(groupId)
  if (group === null) return errorCodes.INVALID_COMMIT_OFFSET_SIZE
  if (group === undefined) return call.version >= 9 ? errorCodes.GROUP_ID_NOT_FOUND : errorCodes.ILLEGAL_GENERATION
  return group.admitCommit(call.body, generation, false) || group
}

function txnOffsetCommit(cluster: Cluster, call: Call<'TxnOffsetCommit'>): Answer<'TxnOffsetCommit'> {
  const committedAt = cluster.clock.now()
  const producerId = Number(call.body.producerId)
  let group: Group | number | undefined
  return {
    topics: judged(cluster, call.body.topics, (topic, partition) => {
      group ??= transactionGroup(cluster, call, producerId)
      if (typeof group === 'number') return group
      return commit(cluster, group, topic, partition, { committedAt, expiresAt: null, producerId })
    }),
  }
}

function transactionGroup(cluster: Cluster, call: Call<'TxnOffsetCommit'>, producerId: number): Group | number {
  const { groupId, generationId } = call.body
  const error = namedGroupError(cluster, call, groupId) || admitted(cluster, call, producerId)
  if (error !== errorCodes.NONE) return error
  const group = generationId < 0 ? cluster.groups.obtain(groupId) : cluster.groups.get(groupId)
  if (group === null) return errorCodes.INVALID_COMMIT_OFFSET_SIZE
  if (group === undefined) return errorCodes.ILLEGAL_GENERATION
  return group.admitCommit(call.body, generationId, true) || group
}

/** Whether the group takes part in the transaction, from version 5 on by this very request; in words that the client knows. */
function admitted({ transactions }: Cluster, { version, body }: Call<'TxnOffsetCommit'>, producerId: number): number {
  const { transactionalId, producerEpoch, groupId } = body
  const error = transactions.admitGroup(transactionalId, producerId, producerEpoch, groupId, version >= 5)
  if (error === errorCodes.PRODUCER_FENCED) return errorCodes.INVALID_PRODUCER_EPOCH
  return error === errorCodes.TRANSACTION_ABORTABLE && version < 4 ? errorCodes.INVALID_TXN_STATE : error
}

function commit(
  { config }: Cluster,
  { offsets }: Group,
  topic: string,
  partition: CommittedPartition,
  { producerId, ...times }: { committedAt: number; expiresAt: number | null; producerId: number | null },
): number {
  const { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch } = partition
  const metadata = partition.committedMetadata ?? ''
  if (metadata.length > config.number('offset.metadata.max.bytes')) return errorCodes.OFFSET_METADATA_TOO_LARGE
  const said = { topic, partition: partitionIndex, offset, leaderEpoch, metadata, ...times }
  return offsets.commit(said, producerId) ? errorCodes.NONE : errorCodes.INVALID_COMMIT_OFFSET_SIZE
}

// ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface WantedTopic {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

/** What a partition takes in an answer beside the text that was committed with its offset. */
const partitionCost = 100

/** Up to version 7 a request is about one group, and up to version 1 an error can be told for partitions only. */
function offsetFetch(cluster: Cluster, call: Call<'OffsetFetch'>): Answer<'OffsetFetch'> {
  const { groups, groupId, topics, requireStable } = call.body
  const asked = call.version >= 8 ? groups : [{ groupId, topics }]
  const size = new AnswerSize()
  const answers = asked.map(({ groupId, topics }) => {
    const errorCode = groupError(cluster, call, groupId)
    if (errorCode === errorCodes.NONE) {
      const { offsets } = cluster.groups.get(groupId) ?? {}
      // Of all that a group committed, nothing is told of topics that the client may not know.
      const all = () =>
        offsets?.topics().filter(({ name }) => cluster.acls.allows(call, 'Describe', 'topic', name)) ?? []
      return { groupId, errorCode, topics: fetched(offsets, topics ?? all(), requireStable, size) }
    }
    return { groupId, errorCode, topics: call.version < 2 ? refused(topics ?? [], errorCode) : [] }
  })
  return call.version >= 8 ? { groups: answers } : { ...answers[0] }
}

function fetched(
  offsets: GroupOffsets | undefined,
  topics: readonly WantedTopic[],
  requireStable: boolean,
  size: AnswerSize,
) {
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => {
      const unstable = requireStable && offsets?.isPending(name, partitionIndex)
      const known = unstable ? undefined : offsets?.get(name, partitionIndex)
      size.add(partitionCost + textCost(known?.metadata ?? null))
      if (known === undefined) {
        return withoutOffset(partitionIndex, unstable ? errorCodes.UNSTABLE_OFFSET_COMMIT : errorCodes.NONE)
      }
      const { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata } = known
      return { partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode: errorCodes.NONE }
    }),
  }))
}

function refused(topics: readonly WantedTopic[], errorCode: number) {
  return topics.map(({ name, partitionIndexes }) => {
    return { name, partitions: partitionIndexes.map(partitionIndex => withoutOffset(partitionIndex, errorCode)) }
  })
}

function withoutOffset(partitionIndex: number, errorCode: number) {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}

// ── deleting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function offsetDelete(cluster: Cluster, call: Call<'OffsetDelete'>): Answer<'OffsetDelete'> {
  const { groupId, topics } = call.body
  const errorCode = namedGroupError(cluster, call, groupId)
  if (errorCode !== errorCodes.NONE) return { errorCode }
  const group = cluster.groups.get(groupId)
  if (group === undefined) return { errorCode: errorCodes.GROUP_ID_NOT_FOUND }
  // Of members that are no consumers, nobody knows what they read.
  if (group.state !== 'Empty' && group.protocolType !== consumerType) return { errorCode: errorCodes.NON_EMPTY_GROUP }
  const read = subscribedTopics(group)
  return {
    topics: judged(cluster, topics, (topic, { partitionIndex }) => {
      if (read === null || read.has(topic)) return errorCodes.GROUP_SUBSCRIBED_TO_TOPIC
      group.offsets.delete(topic, partitionIndex)
      return errorCodes.NONE
    }),
  }
}

export const offsetHandlers: Handlers<'OffsetCommit' | 'OffsetFetch' | 'TxnOffsetCommit' | 'OffsetDelete'> = {
  OffsetCommit: offsetCommit,
  OffsetFetch: offsetFetch,
  TxnOffsetCommit: txnOffsetCommit,
  OffsetDelete: offsetDelete,
}
