import { systemClock } from '../base/clock.ts'
import type { Logger, LogLevel } from '../base/logger.ts'
import { StderrLogger } from '../base/stderr-logger.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import { type BrokerVersions, ClusterAdmin, type ClusterDescription } from './cluster-admin.ts'
import {
  ConfigAdmin,
  type ConfigChange,
  type ConfigEntry,
  type ConfigOwner,
  type DescribeConfigsOptions,
} from './config-admin.ts'
import type { DeletedRecords, DeleteRecordsQuery } from './delete-records.ts'
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
import type { FoundOffset, Isolation, TopicMetadata } from './low-level-client.ts'
import { NativeClient } from './native-client.ts'
import type { ClientOptions } from './options.ts'
import {
  type ChangeOptions,
  type CreatedTopic,
  type NewTopic,
  type PartitionsOptions,
  TopicAdmin,
  type TopicOutcome,
  type WaitOptions,
} from './topic-admin.ts'

export interface AdminOptions extends Omit<ClientOptions, 'logger'> {
  /** pino, or anything with its methods. Default: warnings and errors to stderr, a line each. */
  readonly logger?: Logger
  /** For the default logger. Default `'warn'`. */
  readonly logLevel?: LogLevel
}

/** Which offset of a partition is asked for. */
export interface PositionQuery extends TopicPartition {
  /**
   * The first one, the next one to be written, that of the message with the largest timestamp (KIP-734, Kafka 3.0), or the first whose
   * timestamp is not before this many milliseconds since 1970.
   */
  readonly position: 'earliest' | 'latest' | 'max-timestamp' | { readonly timestamp: number }
}

const timestamps = { latest: -1, earliest: -2, 'max-timestamp': -3 }

/**
 * Looks after a cluster, its topics, settings, groups and offsets.
 *
 * A call about one thing rejects when that fails. A call about a list has an outcome for each of them, in the order asked, so that one
 * which fails spoils none of the others; it rejects only when nothing could be asked. Errors are a `KafkaError` with the broker's own
 * words, an `UnsupportedVersionError` where the brokers are too old, or what a `NativeClient` rejects with.
 *
 * Each request goes to who can answer it: the controller, a group's coordinator, the leader of a partition, a certain broker, or any.
 * Who is that no more is looked up anew. Every call ends within `requestTimeoutMs`, or `timeoutMs` where there is one. A change whose
 * answer never came is not sent again: it may have been made.
 */
export class Admin implements AsyncDisposable {
  readonly #client: NativeClient
  readonly #owned: boolean
  readonly #cluster: ClusterAdmin
  readonly #topics: TopicAdmin
  readonly #configs: ConfigAdmin
  readonly #groups: GroupAdmin

  /**
   * With options it has a client of its own, which connects at the first call; a client that is given stays open when this is closed.
   *
   * @throws {OptionError}
   */
  constructor(client: NativeClient | AdminOptions) {
    this.#owned = !(client instanceof NativeClient)
    this.#client = client instanceof NativeClient ? client : ownClient(client)
    this.#cluster = new ClusterAdmin(this.#client)
    this.#topics = new TopicAdmin(this.#client)
    this.#configs = new ConfigAdmin(this.#client)
    this.#groups = new GroupAdmin(this.#client)
  }

  /** Its id, its brokers with their racks, and the active controller (KIP-700, KIP-595). */
  describeCluster(): Promise<ClusterDescription> {
    return this.#cluster.describe()
  }

  /** Which requests and features a broker knows (KIP-35, KIP-584). */
  brokerVersions(nodeId: number): Promise<BrokerVersions> {
    return this.#cluster.versions(nodeId)
  }

  /** All topics that this client may see, internal ones included. */
  listTopics(): Promise<readonly TopicMetadata[]> {
    return this.#topics.list()
  }

  /** Partitions, leaders and replicas. A topic that does not exist has an `error`. */
  describeTopics(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    return this.#topics.describe(topics)
  }

  /** Resolves when the controller has made it; brokers take a moment longer to know it: see `waitForLeaders`. */
  async createTopic(topic: string, options: Omit<NewTopic, 'topic'> & ChangeOptions = {}): Promise<CreatedTopic> {
    return only(await this.createTopics([{ ...options, topic }], options))
  }

  /** Makes several with one request (KIP-4). */
  createTopics(topics: readonly NewTopic[], options: ChangeOptions = {}): Promise<readonly CreatedTopic[]> {
    return this.#topics.create(topics, options)
  }

  /** Deletes a topic with all its messages; brokers forget it a moment later. */
  async deleteTopic(topic: string, options: Omit<ChangeOptions, 'validateOnly'> = {}): Promise<void> {
    only(await this.deleteTopics([topic], options))
  }

  deleteTopics(
    topics: readonly string[],
    options: Omit<ChangeOptions, 'validateOnly'> = {},
  ): Promise<readonly TopicOutcome[]> {
    return this.#topics.delete(topics, options)
  }

  /** `count` is how many the topic has afterwards (KIP-195). Keys go to other partitions than before. */
  createPartitions(topic: string, count: number, options: PartitionsOptions = {}): Promise<void> {
    return this.#topics.createPartitions(topic, count, options)
  }

  /**
   * Resolves when all partitions of these topics have a leader that serves them, and every broker knows it: after `createTopic`, and
   * before anybody is told to use it. Rejects with a `RequestTimeoutError` that names what is missing.
   */
  waitForLeaders(topics: readonly string[], options: WaitOptions = {}): Promise<void> {
    return this.#topics.waitForLeaders(topics, options)
  }

  /** All settings of a topic, a broker or a group, inherited ones included (KIP-133, KIP-226). */
  describeConfigs(owner: ConfigOwner, options: DescribeConfigsOptions = {}): Promise<readonly ConfigEntry[]> {
    return this.#configs.describe(owner, options)
  }

  /** Changes what is named, all or nothing, and leaves the rest (KIP-339, Kafka 2.3). */
  alterConfigs(
    owner: ConfigOwner,
    changes: Readonly<Record<string, ConfigChange>>,
    options: { readonly validateOnly?: boolean } = {},
  ): Promise<void> {
    return this.#configs.alter(owner, changes, options)
  }

  /** All groups of the cluster, asked of every broker. */
  listGroups(): Promise<readonly ListedGroup[]> {
    return this.#groups.list()
  }

  /** A group of consumers, or any other classic group. Rejects with `GROUP_ID_NOT_FOUND` when there is none. */
  describeGroup(group: string): Promise<DescribedGroup> {
    return this.#groups.describe(group)
  }

  /** Deletes a group that has no members, with its offsets (KIP-229); with members it rejects with `NON_EMPTY_GROUP`. */
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

  /** Of partitions, the offset at an end or at a time; -1 when no message is that young. With `'read_committed'` an open transaction is the end. */
  async listOffsets(
    queries: readonly PositionQuery[],
    options: { readonly isolation?: Isolation } = {},
  ): Promise<readonly FoundOffset[]> {
    const asked = queries.map(({ topic, partition, position }, at) => {
      const timestamp = typeof position === 'string' ? timestamps[position] : position.timestamp
      return { at, newer: position === 'max-timestamp', query: { topic, partition, timestamp } }
    })
    const found: FoundOffset[] = []
    // Brokers that are too old for one kind of question still answer the other.
    for (const part of [asked.filter(({ newer }) => newer), asked.filter(({ newer }) => !newer)]) {
      if (part.length === 0) continue
      const wanted = part.map(({ query }) => query)
      const answers = await this.#client.listOffsets(wanted, options.isolation ?? 'read_uncommitted')
      for (const [index, answer] of answers.entries()) found[part[index]?.at ?? 0] = answer
    }
    return found
  }

  /** Deletes the beginning of partitions, on all replicas, as retention does (KIP-107). Of a compacted topic it is refused. */
  deleteRecords(queries: readonly DeleteRecordsQuery[]): Promise<readonly DeletedRecords[]> {
    return this.#client.deleteRecords(queries)
  }

  /** Closes the client if this made it. */
  async close(): Promise<void> {
    if (this.#owned) await this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function ownClient({ logger, logLevel = 'warn', ...options }: AdminOptions): NativeClient {
  return new NativeClient({ ...options, logger: logger ?? new StderrLogger(logLevel, options.clock ?? systemClock) })
}

/** @throws what became of it, if that is an error */
function only<T extends TopicOutcome>([outcome]: readonly T[]): T {
  // One was asked for, so one is answered.
  const answered = outcome as T
  if (answered.error !== null) throw answered.error
  return answered
}
