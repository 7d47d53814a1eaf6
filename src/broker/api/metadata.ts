import { errorCodes } from '../../protocol/error-codes.ts'
import type { DescribeTopicPartitionsResponseTopic, MetadataResponseTopic } from '../../protocol/messages.ts'
import type { Encodable } from '../../protocol/shapes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { clusterOperations } from '../operations.ts'
import type { Partition } from '../partition.ts'
import { noId } from '../random-id.ts'
import { orRefusal } from '../refusal.ts'
import type { Asker } from '../security/acls.ts'
import { isInternal, isTopicName } from '../topic-name.ts'
import type { Topic } from '../topics.ts'

type AnsweredTopic = Encodable<MetadataResponseTopic>
type DescribedTopic = Encodable<DescribeTopicPartitionsResponseTopic>

// ── Metadata ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function metadata(cluster: Cluster, call: Call<'Metadata'>): Answer<'Metadata'> {
  const { topics, includeClusterAuthorizedOperations } = call.body
  const errorCode = namesError(call)
  if (errorCode !== errorCodes.NONE) {
    const refused = (topics ?? []).map(({ name, topicId }) => ({ name: name ?? '', topicId, errorCode }))
    return { topics: refused, errorCode }
  }
  return {
    brokers: cluster.nodes.running.map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack })),
    clusterId: cluster.id,
    controllerId: cluster.nodes.controller,
    topics: askedTopics(cluster, call),
    ...(includeClusterAuthorizedOperations && { clusterAuthorizedOperations: clusterOperations(cluster, call) }),
  }
}

/** Topics are asked for by their ids from version 12 on, though versions 10 and 11 could say it. */
function namesError({ version, body }: Call<'Metadata'>): number {
  const topics = body.topics ?? []
  if (version < 12 && topics.some(({ name, topicId }) => name === null || topicId !== noId)) {
    return errorCodes.INVALID_REQUEST
  }
  const neither = topics.some(({ name, topicId }) => name === null && topicId === noId)
  return neither ? errorCodes.UNKNOWN_SERVER_ERROR : errorCodes.NONE
}

/** With one id among them, names count for nothing. */
function askedTopics(cluster: Cluster, call: Call<'Metadata'>): AnsweredTopic[] {
  const { version } = call
  const { topics, includeTopicAuthorizedOperations, allowAutoTopicCreation } = call.body
  const operations = (name: string) =>
    includeTopicAuthorizedOperations && { topicAuthorizedOperations: cluster.acls.operations(call, 'topic', name) }
  const described = (topic: Topic) => ({ ...describedTopic(cluster, topic, version), ...operations(topic.name) })
  if (topics === null || (version === 0 && topics.length === 0)) {
    return [...cluster.topics].filter(({ name }) => mayDescribe(cluster, call, name)).map(described)
  }
  const ids = new Set(topics.map(({ topicId }) => topicId).filter(id => id !== noId))
  if (ids.size > 0) {
    return [...ids].map(topicId => {
      const topic = cluster.topics.byId(topicId)
      if (topic === undefined) return { topicId, name: null, errorCode: errorCodes.UNKNOWN_TOPIC_ID }
      if (mayDescribe(cluster, call, topic.name)) return described(topic)
      return { topicId, name: null, errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED }
    })
  }
  const names = new Set(topics.map(({ name }) => name ?? ''))
  return [...names].map(name => {
    if (!mayDescribe(cluster, call, name)) return hiddenTopic(name)
    const topic = cluster.topics.get(name)
    if (topic !== undefined) return described(topic)
    if (allowAutoTopicCreation && cluster.settings.autoCreateTopics) {
      const { acls } = cluster
      const mayCreate = acls.allows(call, 'Create', 'cluster') || acls.allows(call, 'Create', 'topic', name)
      if (!mayCreate) return { ...hiddenTopic(name), isInternal: isInternal(name) }
      createUnasked(cluster, name)
    }
    return { ...absentTopic(name), ...operations(name) }
  })
}

function mayDescribe({ acls }: Cluster, asker: Asker, name: string): boolean {
  return acls.allows(asker, 'Describe', 'topic', name)
}

/** Whether there is such a topic is not told. */
function hiddenTopic(name: string) {
  return { name, errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED }
}

/** As in Kafka, the topic is there for the next one who asks; who asked first is told that it is not. */
function createUnasked({ topics }: Cluster, name: string): void {
  if (!isInternal(name)) orRefusal(() => topics.create({ name }))
}

function absentTopic(name: string) {
  const errorCode = isTopicName(name) ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.INVALID_TOPIC_EXCEPTION
  return { name, isInternal: isInternal(name), errorCode }
}

function describedTopic(cluster: Cluster, { name, id, partitions }: Topic, version: number): AnsweredTopic {
  const described = partitions.map(partition => describedPartition(cluster, partition))
  return { name, topicId: id, partitions: version === 0 ? described.map(withoutOffline) : described }
}

function describedPartition({ nodes }: Cluster, { index, leader, leaderEpoch, replicas, isr }: Partition) {
  return {
    errorCode: leader === -1 ? errorCodes.LEADER_NOT_AVAILABLE : errorCodes.NONE,
    partitionIndex: index,
    leaderId: leader,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: isr,
    offlineReplicas: replicas.filter(node => !nodes.isRunning(node)),
  }
}

/** Version 0 tells only of running replicas, and calls it an error when that leaves some out. */
function withoutOffline(partition: ReturnType<typeof describedPartition>) {
  const { errorCode, replicaNodes, offlineReplicas } = partition
  if (offlineReplicas.length === 0) return partition
  return {
    ...partition,
    errorCode: errorCode || errorCodes.REPLICA_NOT_AVAILABLE,
    replicaNodes: replicaNodes.filter(node => !offlineReplicas.includes(node)),
  }
}

// ── DescribeTopicPartitions ───────────────────────────────────────────────────────────────────────────────────────────

/** Topics in the order of their names, from the cursor on, until the answer holds as many partitions as it may. */
function describeTopicPartitions(
  cluster: Cluster,
  call: Call<'DescribeTopicPartitions'>,
): Answer<'DescribeTopicPartitions'> {
  const { body } = call
  const { topics, cursor } = body
  const all = topics.length === 0
  const from = cursor?.topicName ?? ''
  const asked = all ? [...cluster.topics].map(({ name }) => name) : topics.map(({ name }) => name)
  const names = [...new Set(asked)].filter(name => name >= from).sort(byCodeUnits)
  const refused = (errorCode: number) => ({ topics: topics.map(({ name }) => ({ name, errorCode })) })
  if (cursor !== null && (cursor.partitionIndex < 0 || (!all && !names.includes(from)))) {
    return refused(errorCodes.INVALID_REQUEST)
  }
  if (names.includes('')) return refused(errorCodes.UNKNOWN_SERVER_ERROR)

  const told = new Set(names.filter(name => mayDescribe(cluster, call, name)))
  const { topics: answered, nextCursor } = describedPage(cluster, call, [...told])
  const refusals = all ? [] : names.filter(name => !told.has(name)).map(hiddenTopic)
  return { topics: [...answered, ...refusals], nextCursor }
}

function describedPage(cluster: Cluster, call: Call<'DescribeTopicPartitions'>, names: readonly string[]) {
  const { cursor, responsePartitionLimit } = call.body
  const most = cluster.config.number('max.request.partition.size.limit')
  let left = Math.max(1, Math.min(most, responsePartitionLimit))
  const topics: DescribedTopic[] = []
  for (const name of names) {
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } }
    const topic = cluster.topics.get(name)
    const topicAuthorizedOperations = cluster.acls.operations(call, 'topic', name)
    if (topic === undefined) {
      topics.push({ ...absentTopic(name), topicAuthorizedOperations })
      continue
    }
    const first = name === cursor?.topicName ? cursor.partitionIndex : 0
    const next = Math.min(topic.partitions.length, first + left)
    const partitions = topic.partitions.slice(first, next).map(partition => ({
      ...describedPartition(cluster, partition),
      // That there is no leader is no error here.
      errorCode: errorCodes.NONE,
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    }))
    left -= partitions.length
    topics.push({ name, topicId: topic.id, partitions, topicAuthorizedOperations })
    if (next < topic.partitions.length) return { topics, nextCursor: { topicName: name, partitionIndex: next } }
  }
  return { topics, nextCursor: null }
}

/** As Java compares strings. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

export const metadataHandlers: Handlers<'Metadata' | 'DescribeTopicPartitions'> = {
  Metadata: metadata,
  DescribeTopicPartitions: describeTopicPartitions,
}
