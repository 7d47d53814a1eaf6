import { systemClock } from '../base/clock.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { ApiName } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Requests, Responses } from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import {
  type DescribedGroup,
  GroupAdmin,
  type GroupOffset,
  type ListedGroup,
  type MemberName,
  type NewGroupOffset,
  type PartitionOutcome,
  type RemovedMember,
} from './group-admin.ts'
import type { ClusterMetadata, FoundOffset, OffsetQuery, TopicMetadata } from './low-level-client.ts'
import { NativeClient } from './native-client.ts'
import type { ClientOptions } from './options.ts'
import { check, type Outcome } from './outcome.ts'

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

/** How long the controller may take; the request's own deadline is longer. */
const timeoutMs = 20_000
const topicResource = 2
const brokerResource = 4
/** Where a setting comes from: 1 the topic, 2 this broker, 4 the broker's file; the others are defaults. */
const ownSources: ReadonlySet<number> = new Set([1, 2, 4])
const setOperation = 0
const deleteOperation = 1

/**
 * Looks after topics, settings and groups. Calls about one thing reject with a `KafkaError` when it fails; lists have an `error` for
 * each entry that may fail by itself. Nothing but reading is sent twice, except to a controller or coordinator that had moved.
 */
export class Admin {
  readonly #client: NativeClient
  readonly #owned: boolean
  readonly #groups: GroupAdmin

  /** With options it has a client of its own; a client that is given stays open when this is closed. */
  constructor(client: NativeClient | ClientOptions) {
    this.#owned = !(client instanceof NativeClient)
    this.#client = client instanceof NativeClient ? client : new NativeClient(client)
    this.#groups = new GroupAdmin(
      this.#client,
      (client instanceof NativeClient ? undefined : client.clock) ?? systemClock,
    )
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
  listGroups(): Promise<readonly ListedGroup[]> {
    return this.#groups.list()
  }

  /** A group of consumers, or any other classic group. Rejects with `GROUP_ID_NOT_FOUND` when there is none. */
  describeGroup(group: string): Promise<DescribedGroup> {
    return this.#groups.describe(group)
  }

  /** Deletes a group that has no members, with its offsets; with members it rejects with `NON_EMPTY_GROUP`. */
  deleteGroup(group: string): Promise<void> {
    return this.#groups.delete(group)
  }

  /** All offsets that a group has committed. Without an entry for a partition, nothing is committed there. */
  groupOffsets(group: string): Promise<readonly GroupOffset[]> {
    return this.#groups.offsets(group)
  }

  /**
   * Commits these offsets for a group, which is made if need be; the others stay. Rejects with `NON_EMPTY_GROUP` while it has members:
   * they would go on where they are, and commit that.
   */
  setGroupOffsets(group: string, offsets: readonly NewGroupOffset[]): Promise<readonly PartitionOutcome[]> {
    return this.#groups.setOffsets(group, offsets)
  }

  /**
   * Forgets what is committed for these partitions, if anything is (KIP-496, Kafka 2.4). A topic that a member is subscribed to has the
   * error `GROUP_SUBSCRIBED_TO_TOPIC`. Rejects with `GROUP_ID_NOT_FOUND` when there is no such group.
   */
  deleteGroupOffsets(group: string, partitions: readonly TopicPartition[]): Promise<readonly PartitionOutcome[]> {
    return this.#groups.deleteOffsets(group, partitions)
  }

  /**
   * Makes members leave (KIP-345, Kafka 2.4), so that the others take over at once. It is for those that are gone without a word: one
   * that lives loses what it works on, and joins again.
   */
  removeMembers(group: string, members: readonly MemberName[]): Promise<readonly RemovedMember[]> {
    return this.#groups.removeMembers(group, members)
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
}

function resourceOf(owner: ConfigOwner) {
  if ('topic' in owner) {
    const resource = { resourceType: topicResource, resourceName: owner.topic }
    return { resource, target: 'any' as const, name: `topic ${owner.topic}` }
  }
  const resource = { resourceType: brokerResource, resourceName: String(owner.broker) }
  return { resource, target: { nodeId: owner.broker }, name: `node ${owner.broker}` }
}
