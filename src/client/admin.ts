import { exponential } from '../base/backoff.ts'
import { type Clock, sleep, systemClock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { ApiName } from '../protocol/apis.ts'
import { errorCodes, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { Requests, Responses } from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import type { ClusterMetadata, FoundOffset, OffsetQuery, TopicMetadata } from './low-level-client.ts'
import { NativeClient } from './native-client.ts'
import type { ClientOptions } from './options.ts'

export interface NewTopic {
  /** Default: the broker's `num.partitions`. */
  readonly partitions?: number
  /** Replicas of each partition. Default: the broker's `default.replication.factor`. */
  readonly replicas?: number
  /** Settings under Kafka's names. */
  readonly configs?: Readonly<Record<string, string>>
  /** Only check whether it could be made. Default false. */
  readonly validateOnly?: boolean
}

/** Whose settings: a topic's, or a broker's by its node id. */
export type ConfigOwner = { readonly topic: string } | { readonly broker: number }

export interface ConfigEntry {
  readonly name: string
  /** Null when it is secret, or has none. */
  readonly value: string | null
  /** Not set for this topic or broker itself. */
  readonly inherited: boolean
  readonly readOnly: boolean
  readonly secret: boolean
}

export interface ListedGroup {
  readonly group: string
  /** `consumer` for groups of consumers. */
  readonly protocolType: string
  /** `Stable`, `Empty`, …; empty where the broker is too old to tell (before Kafka 2.6). */
  readonly state: string
}

export interface DescribedGroup extends ListedGroup {
  /** The assignment strategy that its members agreed on. */
  readonly strategy: string
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly clientId: string
    readonly host: string
  }[]
}

export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  /** The next one to read. */
  readonly offset: number
  readonly metadata: string
  readonly error: MillraceError | null
}

/** How long the controller may take; the request's own deadline is longer. */
const timeoutMs = 20_000
const topicResource = 2
const brokerResource = 4
/** Where a setting comes from: 1 the topic, 2 this broker, 4 the broker's file; the others are defaults. */
const ownSources: ReadonlySet<number> = new Set([1, 2, 4])
const setOperation = 0
const deleteOperation = 1
/** From version 10 on OffsetFetch names topics by id. */
const lastOffsetFetchWithNames = 9
const coordinatorErrors: ReadonlySet<number> = new Set([
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
])
const coordinatorAttempts = 10
const coordinatorBackoff = exponential(100, 1_000)

/**
 * Looks after topics, settings and groups. Calls about one thing reject with a `KafkaError` when it fails; lists have an `error` for
 * each entry that may fail by itself. Nothing but reading is sent twice, except to a controller or coordinator that had moved.
 */
export class Admin {
  readonly #client: NativeClient
  readonly #owned: boolean
  readonly #clock: Clock

  /** With options it has a client of its own; a client that is given stays open when this is closed. */
  constructor(client: NativeClient | ClientOptions) {
    this.#owned = !(client instanceof NativeClient)
    this.#client = client instanceof NativeClient ? client : new NativeClient(client)
    this.#clock = (client instanceof NativeClient ? undefined : client.clock) ?? systemClock
  }

  /** The brokers and the controller; no topics. */
  describeCluster(): Promise<ClusterMetadata> {
    return this.#client.metadata([])
  }

  /** All topics, internal ones included. */
  async listTopics(): Promise<readonly TopicMetadata[]> {
    return [...(await this.#client.metadata('all')).topics.values()]
  }

  /** In the order asked; a topic that does not exist has an `error`. */
  async describeTopics(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    return [...(await this.#client.metadata(topics)).topics.values()]
  }

  /** Resolves when the controller has made it; brokers may take a moment longer to know it. */
  async createTopic(topic: string, options: NewTopic = {}): Promise<void> {
    const configs = Object.entries(options.configs ?? {}).map(([name, value]) => ({ name, value }))
    const { partitions = -1, replicas = -1, validateOnly = false } = options
    const wanted = { name: topic, numPartitions: partitions, replicationFactor: replicas, assignments: [], configs }
    const code = (answer: Responses['CreateTopics']) => answer.topics.find(({ name }) => name === topic)
    await this.#atController(
      'CreateTopics',
      { topics: [wanted], timeoutMs, validateOnly },
      code,
      `creating topic ${topic}`,
    )
  }

  async deleteTopic(topic: string): Promise<void> {
    const body = (version: number) => {
      if (version < 6) return { topicNames: [topic], timeoutMs }
      return { topics: [{ name: topic, topicId: zeroUuid }], timeoutMs }
    }
    const code = (answer: Responses['DeleteTopics']) => answer.responses.find(({ name }) => name === topic)
    await this.#atController('DeleteTopics', body, code, `deleting topic ${topic}`)
  }

  /** `count` is how many the topic has afterwards. Keys go to other partitions than before. */
  async createPartitions(topic: string, count: number): Promise<void> {
    const body = { topics: [{ name: topic, count, assignments: null }], timeoutMs, validateOnly: false }
    const code = (answer: Responses['CreatePartitions']) => answer.results.find(({ name }) => name === topic)
    await this.#atController('CreatePartitions', body, code, `creating partitions of topic ${topic}`)
  }

  /** All settings of a topic or a broker. */
  async describeConfigs(owner: ConfigOwner): Promise<readonly ConfigEntry[]> {
    const { resource, target, name } = resourceOf(owner)
    const body = { resources: [{ ...resource, configurationKeys: null }], includeSynonyms: false }
    const answer = await this.#client.send(target, 'DescribeConfigs', body)
    const [described] = answer.results
    check(described, `describing the settings of ${name}`)
    return (described?.configs ?? []).map(entry => ({
      name: entry.name,
      value: entry.value,
      inherited: !ownSources.has(entry.configSource),
      readOnly: entry.readOnly,
      secret: entry.isSensitive,
    }))
  }

  /** Changes what is named and leaves the rest; null takes a setting back to its default. Kafka 2.3 and later (KIP-339). */
  async alterConfigs(owner: ConfigOwner, changes: Readonly<Record<string, string | null>>): Promise<void> {
    const { resource, target, name } = resourceOf(owner)
    const configs = Object.entries(changes).map(([setting, value]) => {
      return { name: setting, value, configOperation: value === null ? deleteOperation : setOperation }
    })
    const body = { resources: [{ ...resource, configs }], validateOnly: false }
    const answer = await this.#client.send(target, 'IncrementalAlterConfigs', body)
    check(answer.responses[0], `changing the settings of ${name}`)
  }

  /** All groups of the cluster, asked of every broker. */
  async listGroups(): Promise<readonly ListedGroup[]> {
    const { brokers } = await this.#client.metadata([])
    const answers = brokers.map(async ({ nodeId }) => {
      const answer = await this.#client.send({ nodeId }, 'ListGroups', {})
      check(answer, `listing the groups of node ${nodeId}`)
      return answer.groups.map(({ groupId, protocolType, groupState }) => {
        return { group: groupId, protocolType, state: groupState }
      })
    })
    return (await Promise.all(answers)).flat()
  }

  /** Rejects with `GROUP_ID_NOT_FOUND` when there is none. Groups of the new protocol (KIP-848) are not described here. */
  async describeGroup(group: string): Promise<DescribedGroup> {
    const found = (answer: Responses['DescribeGroups']) => answer.groups.find(({ groupId }) => groupId === group)
    const doing = `describing group ${group}`
    const answer = await this.#atCoordinator(group, 'DescribeGroups', { groups: [group] }, found, doing)
    const described = found(answer)
    // Brokers before Kafka 4.0 call a group dead that does not exist.
    if (described === undefined || described.groupState === 'Dead')
      throw new KafkaError(errorCodes.GROUP_ID_NOT_FOUND, doing)
    const { protocolType, groupState: state, protocolData: strategy } = described
    const members = described.members.map(({ memberId, groupInstanceId, clientId, clientHost }) => {
      return { memberId, instanceId: groupInstanceId, clientId, host: clientHost }
    })
    return { group, protocolType, state, strategy, members }
  }

  /** Deletes a group that has no members, with its offsets. */
  async deleteGroup(group: string): Promise<void> {
    const found = (answer: Responses['DeleteGroups']) => answer.results.find(({ groupId }) => groupId === group)
    await this.#atCoordinator(group, 'DeleteGroups', { groupsNames: [group] }, found, `deleting group ${group}`)
  }

  /** All offsets that a group has committed. */
  async groupOffsets(group: string): Promise<readonly GroupOffset[]> {
    const body = (version: number) =>
      version < 8 ? { groupId: group, topics: null } : { groups: [{ groupId: group, topics: null }] }
    const found = (answer: Responses['OffsetFetch']) => answer.groups.find(({ groupId }) => groupId === group) ?? answer
    const versions = { minVersion: 2, maxVersion: lastOffsetFetchWithNames }
    const doing = `loading the offsets of group ${group}`
    const { topics } = found(await this.#atCoordinator(group, 'OffsetFetch', body, found, doing, versions))
    return topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex: partition, committedOffset: offset, metadata, errorCode }) => {
        const error = kafkaError(errorCode, `loading an offset of ${partitionName(topic, partition)}`, {
          topic,
          partition,
        })
        return { topic, partition, offset, metadata: metadata ?? '', error }
      }),
    )
  }

  /** Offsets by time, or the first and last ones. */
  listOffsets(queries: readonly OffsetQuery[]): Promise<readonly FoundOffset[]> {
    return this.#client.listOffsets(queries, 'read_uncommitted')
  }

  /** Closes the client if this made it. */
  async close(): Promise<void> {
    if (this.#owned) await this.#client.close()
  }

  /** A broker that is not the controller any more did nothing: the new one is asked. */
  async #atController<N extends ApiName>(
    name: N,
    body: Requests[N] | ((version: number) => Requests[N]),
    find: (answer: Responses[N]) => Outcome | undefined,
    doing: string,
  ): Promise<void> {
    let outcome = find(await this.#client.send('controller', name, body))
    if (outcome?.errorCode === errorCodes.NOT_CONTROLLER) {
      await this.#client.metadata([])
      outcome = find(await this.#client.send('controller', name, body))
    }
    check(outcome, doing)
  }

  /** A coordinator that moved or is loading did nothing: it is asked again for some seconds. */
  async #atCoordinator<N extends ApiName>(
    group: string,
    name: N,
    body: Requests[N] | ((version: number) => Requests[N]),
    find: (answer: Responses[N]) => Outcome | undefined,
    doing: string,
    versions: { minVersion?: number; maxVersion?: number } = {},
  ): Promise<Responses[N]> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#client.send({ group }, name, body, versions)
      const outcome = find(answer)
      if (!coordinatorErrors.has(outcome?.errorCode ?? 0) || attempt === coordinatorAttempts) {
        check(outcome, doing)
        return answer
      }
      this.#client.forgetCoordinator(group)
      await sleep(this.#clock, coordinatorBackoff(attempt, Math.random))
    }
  }
}

interface Outcome {
  readonly errorCode: number
  readonly errorMessage?: string | null
}

/** Throws the error that this outcome stands for, in the broker's own words where it has some. */
function check(outcome: Outcome | undefined, doing: string): void {
  if (outcome === undefined) {
    throw new MillraceError('BAD_ANSWER', `${doing}: the broker's answer leaves it out`, { retriable: true })
  }
  const { errorCode, errorMessage } = outcome
  if (errorCode !== errorCodes.NONE)
    throw new KafkaError(errorCode, errorMessage ? `${doing} (${errorMessage})` : doing)
}

function resourceOf(owner: ConfigOwner) {
  if ('topic' in owner) {
    const resource = { resourceType: topicResource, resourceName: owner.topic }
    return { resource, target: 'any' as const, name: `topic ${owner.topic}` }
  }
  const resource = { resourceType: brokerResource, resourceName: String(owner.broker) }
  return { resource, target: { nodeId: owner.broker }, name: `node ${owner.broker}` }
}
