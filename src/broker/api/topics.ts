import { type ErrorName, errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { noId } from '../random-id.ts'
import { orRefusal, Refusal } from '../refusal.ts'
import { isInternal } from '../topic-name.ts'
import type { NewTopic, Topic, TopicPlan, Topics } from '../topics.ts'
import { topicEntries } from './config-entries.ts'

/** Most partitions that one request may make. */
const mostAtOnce = 10_000

/** Those that are in the list once, and the first ones of those that are in it more often. */
function onceAndMore<T>(list: readonly T[], key: (element: T) => string): { once: T[]; more: T[] } {
  const alike = [...Map.groupBy(list, key).values()]
  const [once, more] = [alike.filter(({ length }) => length === 1), alike.filter(({ length }) => length > 1)]
  return { once: once.flat(), more: more.flatMap(([first]) => first ?? []) }
}

function outcome(refusal: Refusal | null): { errorCode: number; errorMessage: string | null } {
  if (refusal === null) return { errorCode: errorCodes.NONE, errorMessage: null }
  return { errorCode: refusal.errorCode, errorMessage: refusal.message }
}

// ── CreateTopics ──────────────────────────────────────────────────────────────────────────────────────────────────────

type TopicAsked = Call<'CreateTopics'>['body']['topics'][number]

function createTopics(cluster: Cluster, call: Call<'CreateTopics'>): Answer<'CreateTopics'> {
  const { topics, validateOnly } = call.body
  const { once, more } = onceAndMore(topics, ({ name }) => name)
  const partitions = once.reduce((sum, { numPartitions }) => sum + Math.max(1, numPartitions), 0)
  const results = once.map(asked => {
    const { name } = asked
    const planned = orRefusal(() => {
      if (partitions > mostAtOnce) throw new Refusal('POLICY_VIOLATION', 'Excessively large number of partitions.')
      return cluster.topics.plan(newTopic(asked))
    })
    if (planned instanceof Refusal) return { name, ...outcome(planned) }
    if (!validateOnly) cluster.topics.add(planned)
    return { name, ...outcome(null), ...described(cluster, call, planned) }
  })
  const twice = outcome(new Refusal('INVALID_REQUEST', 'Duplicate topic name.'))
  return { topics: [...results, ...more.map(({ name }) => ({ name, ...twice }))] }
}

function newTopic({ name, numPartitions, replicationFactor, assignments, configs }: TopicAsked): NewTopic {
  if (isInternal(name)) throw new Refusal('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  const config = new Map(configs.map(({ name, value }) => [name, value]))
  const topic = { name, config, partitions: numPartitions, replicas: replicationFactor }
  if (assignments.length === 0) return topic
  const inOrder = [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex)
  if (inOrder.some(({ partitionIndex }, at) => partitionIndex !== at)) {
    throw new Refusal('INVALID_REPLICA_ASSIGNMENT', 'Partitions must be a consecutive sequence that begins with 0.')
  }
  return { ...topic, assignments: inOrder.map(({ brokerIds }) => brokerIds) }
}

function described({ acls }: Cluster, call: Call<'CreateTopics'>, { name, id, assignments, config }: TopicPlan) {
  if (!acls.allows(call, 'DescribeConfigs', 'topic', name)) {
    return { topicId: id, topicConfigErrorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED }
  }
  const configs = topicEntries(config, call.node)
  return { topicId: id, numPartitions: assignments.length, replicationFactor: assignments[0]?.length ?? -1, configs }
}

// ── DeleteTopics ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** By its name or by its id; the other one stands for none. */
interface TopicReference {
  readonly name: string | null
  readonly topicId: string
}

function deleteTopics({ topics, config }: Cluster, { version, body }: Call<'DeleteTopics'>): Answer<'DeleteTopics'> {
  const asked = version < 6 ? body.topicNames.map(name => ({ name, topicId: noId })) : body.topics
  if (config.get('delete.topic.enable') === 'false') {
    const disabled = new Refusal(version < 3 ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED', 'Topics are not deleted.')
    return { responses: asked.map(topic => ({ ...topic, ...outcome(disabled) })) }
  }
  const { found, refused } = resolved(topics, asked)
  for (const topic of found) topics.delete(topic)
  const deleted = found.map(({ name, id }) => ({ name, topicId: id, ...outcome(null) }))
  return { responses: [...deleted, ...refused.map(([topic, refusal]) => ({ ...topic, ...outcome(refusal) }))] }
}

/** The topics that are meant; those that are named twice, or in two ways, are not. */
function resolved(topics: Topics, asked: readonly TopicReference[]) {
  const refused: [TopicReference, Refusal][] = []
  const refuse = (topic: TopicReference, code: ErrorName, why: string) => refused.push([topic, new Refusal(code, why)])
  const { once, more } = onceAndMore(asked, ({ name, topicId }) => `${topicId} ${name}`)
  for (const topic of more) {
    refuse(topic, 'INVALID_REQUEST', `Duplicate topic ${topic.name === null ? 'id' : 'name'}.`)
  }
  const twice = new Set(more.map(({ topicId }) => topicId))
  const found = new Map<string, Topic>()
  // Ids come first, so that of a topic that is named in both ways the name is refused.
  const byId = once.filter(({ name }) => name === null)
  for (const reference of [...byId, ...once.filter(({ name }) => name !== null)]) {
    const { name, topicId } = reference
    const topic = name === null ? topics.byId(topicId) : topics.get(name)
    if ((name === null) === (topicId === noId)) {
      refuse(reference, 'INVALID_REQUEST', 'A topic is to be named either by its name or by its id.')
    } else if (topic === undefined) {
      const code = name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
      refuse(reference, code, 'This server does not host this topic.')
    } else if (found.has(topic.id) || twice.has(topic.id)) {
      found.delete(topic.id)
      refuse({ name, topicId: topic.id }, 'INVALID_REQUEST', 'The topic of that name was already given by its id.')
    } else found.set(topic.id, topic)
  }
  return { found: [...found.values()], refused }
}

// ── CreatePartitions ──────────────────────────────────────────────────────────────────────────────────────────────────

function createPartitions({ topics }: Cluster, { body }: Call<'CreatePartitions'>): Answer<'CreatePartitions'> {
  const { once, more } = onceAndMore(body.topics, ({ name }) => name)
  const results = once.map(({ name, count, assignments }) => {
    const topic = topics.get(name)
    if (topic === undefined) return { name, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
    const given = assignments?.map(({ brokerIds }) => brokerIds)
    const options = { validateOnly: body.validateOnly, ...(given && { assignments: given }) }
    const refusal = orRefusal(() => topics.grow(topic, count, options))
    return { name, ...outcome(refusal ?? null) }
  })
  const twice = outcome(new Refusal('INVALID_REQUEST', 'Duplicate topic name.'))
  return { results: [...results, ...more.map(({ name }) => ({ name, ...twice }))] }
}

export const topicHandlers: Handlers<'CreateTopics' | 'DeleteTopics' | 'CreatePartitions'> = {
  CreateTopics: createTopics,
  DeleteTopics: deleteTopics,
  CreatePartitions: createPartitions,
}
