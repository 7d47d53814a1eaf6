import { ConnectionError, RequestTimeoutError, toError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { errorCodes, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { MetadataResponse, MetadataResponseTopic } from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import type { Bootstrap } from './bootstrap.ts'
import type { Brokers } from './brokers.ts'
import type { Question } from './call.ts'
import { within } from './deadline.ts'
import type { BrokerAddress, ClusterMetadata, PartitionMetadata, TopicMetadata } from './low-level-client.ts'
import type { Settings } from './options.ts'

/** Who leads a partition, as far as is known. */
export interface Leader {
  readonly nodeId: number
  /** -1 where the broker does not tell. */
  readonly leaderEpoch: number
}

interface Refresh {
  topics: Set<string> | 'all'
  readonly done: PromiseWithResolvers<ClusterMetadata>
}

interface Known {
  metadata: TopicMetadata
  /** When somebody last asked for it. */
  usedAt: number
}

/** Refreshes that nobody waits for come no closer together. */
const backgroundPauseMs = 100

/**
 * What is known of the cluster. At most one request is under way: who asks meanwhile joins it when it covers the topics asked for,
 * and else the one that follows it, together with all others who ask.
 */
export class Metadata {
  readonly #settings: Settings
  readonly #brokers: Brokers
  readonly #bootstrap: Bootstrap
  readonly #topics = new Map<string, Known>()
  #running: Refresh | null = null
  #next: Refresh | null = null
  #controller = -1
  #refreshedAt = Number.NEGATIVE_INFINITY
  #quietUntil = 0
  #error: Error | null = null

  constructor(settings: Settings, brokers: Brokers, bootstrap: Bootstrap) {
    this.#settings = settings
    this.#brokers = brokers
    this.#bootstrap = bootstrap
  }

  /** Node id of the controller (with KRaft: of a broker that passes its requests on), -1 while unknown. */
  get controller(): number {
    return this.#controller
  }

  /** Why the last refresh failed; null when it did not. */
  get error(): Error | null {
    return this.#error
  }

  /** What was last heard of this topic. */
  topic(topic: string): TopicMetadata | undefined {
    const known = this.#topics.get(topic)
    if (known === undefined) return undefined
    known.usedAt = this.#settings.clock.now()
    return known.metadata
  }

  /** Null while the partition has no leader or is not known. */
  leaderOf(topic: string, partition: number): Leader | null {
    const found = this.topic(topic)?.partitions[partition]
    return found?.partition !== partition || found.leader < 0
      ? null
      : { nodeId: found.leader, leaderEpoch: found.leaderEpoch }
  }

  /**
   * Asks for these topics now, or joins a refresh that does. Topics not asked for are not in the answer. Rejects when all brokers
   * known and all in the options were tried, at the latest after `timeoutMs`.
   */
  async refresh(topics: readonly string[] | 'all', timeoutMs?: number, signal?: AbortSignal): Promise<ClusterMetadata> {
    const { clock, requestTimeoutMs } = this.#settings
    const ms = timeoutMs ?? requestTimeoutMs
    const late = () => new RequestTimeoutError(`No broker told its metadata within ${Math.round(ms)} ms`)
    const all = await within(clock, ms, this.#join(topics).done.promise, late, signal)
    if (topics === 'all') return all
    const wanted = new Map<string, TopicMetadata>()
    for (const topic of topics) wanted.set(topic, all.topics.get(topic) ?? unknownTopic(topic))
    return { ...all, topics: wanted }
  }

  /** Refreshes without anybody waiting: at most one at a time, and not in quick succession. */
  refreshSoon(topics: readonly string[]): void {
    const now = this.#settings.clock.now()
    if (this.#running !== null || now < this.#quietUntil) return
    this.#quietUntil = now + backgroundPauseMs
    this.refresh(topics).catch(thrown => {
      const error = toError(thrown)
      this.#settings.logger.debug({ err: error }, 'metadata could not be refreshed')
    })
  }

  /** Looks up again what is in use when it is older than `metadataMaxAgeMs`, and forgets what nobody used since. */
  refreshIfStale(): void {
    const { clock, metadataMaxAgeMs } = this.#settings
    const now = clock.now()
    if (now - this.#refreshedAt < metadataMaxAgeMs || this.#running !== null) return
    for (const [topic, { usedAt }] of this.#topics) {
      if (now - usedAt > metadataMaxAgeMs) this.#topics.delete(topic)
    }
    this.refreshSoon([...this.#topics.keys()])
  }

  /** Resolves when no request is under way any more. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running.done.promise.catch(() => {})
  }

  #join(topics: readonly string[] | 'all'): Refresh {
    if (this.#running === null) {
      const refresh = newRefresh(topics)
      void this.#run(refresh)
      return refresh
    }
    if (covers(this.#running.topics, topics)) return this.#running
    if (this.#next === null) this.#next = newRefresh(topics)
    else if (topics === 'all') this.#next.topics = 'all'
    else if (this.#next.topics !== 'all') for (const topic of topics) this.#next.topics.add(topic)
    return this.#next
  }

  async #run(refresh: Refresh): Promise<void> {
    this.#running = refresh
    try {
      refresh.done.resolve(this.#apply(await this.#ask(refresh.topics), refresh.topics))
      this.#error = null
    } catch (thrown) {
      this.#error = toError(thrown)
      refresh.done.reject(thrown)
    }
    this.#running = null
    const next = this.#next
    this.#next = null
    if (next !== null) void this.#run(next)
  }

  async #ask(topics: Refresh['topics']): Promise<MetadataResponse> {
    const wanted = topics === 'all' ? null : [...topics].map(name => ({ name }))
    const question: Question<'Metadata', MetadataResponse> = {
      name: 'Metadata',
      body: () => ({ topics: wanted, allowAutoTopicCreation: false }),
      read: answer => {
        const error = kafkaError(answer.errorCode, 'asking for metadata')
        if (error !== null) throw error
        if (answer.brokers.length === 0) throw new ConnectionError('The broker knows no brokers yet: it is starting')
        return answer
      },
      timeoutMs: this.#settings.requestTimeoutMs,
    }
    if (this.#brokers.known.length === 0) return this.#bootstrap.ask(question)
    try {
      return await this.#brokers.ask(question)
    } catch (thrown) {
      const lost = thrown instanceof KafkaError && thrown.errorCode === errorCodes.REBOOTSTRAP_REQUIRED
      if (!lost && !(thrown instanceof ConnectionError)) throw thrown
      return this.#bootstrap.ask(question)
    }
  }

  #apply(answer: MetadataResponse, asked: Refresh['topics']): ClusterMetadata {
    const now = this.#settings.clock.now()
    const brokers: BrokerAddress[] = answer.brokers.map(({ nodeId, host, port, rack }) => ({
      nodeId,
      host,
      port,
      rack,
    }))
    const topics = new Map<string, TopicMetadata>()
    for (const found of answer.topics) {
      const { name } = found
      if (name !== null) topics.set(name, readTopic(name, found, this.#topics.get(name)?.metadata))
    }
    if (asked === 'all') this.#topics.clear()
    else for (const topic of asked) if (!topics.has(topic)) topics.set(topic, unknownTopic(topic))
    for (const [topic, metadata] of topics) this.#topics.set(topic, { metadata, usedAt: now })
    this.#brokers.replace(brokers)
    this.#controller = answer.controllerId
    this.#refreshedAt = now
    return { clusterId: answer.clusterId, controller: answer.controllerId, brokers, topics }
  }
}

function newRefresh(topics: readonly string[] | 'all'): Refresh {
  return { topics: topics === 'all' ? 'all' : new Set(topics), done: Promise.withResolvers() }
}

function covers(running: Refresh['topics'], topics: readonly string[] | 'all'): boolean {
  return running === 'all' || (topics !== 'all' && topics.every(topic => running.has(topic)))
}

function unknownTopic(topic: string): TopicMetadata {
  const error = kafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `metadata of topic ${topic}`, { topic })
  return { topic, topicId: null, internal: false, partitions: [], error }
}

function readTopic(topic: string, found: MetadataResponseTopic, before: TopicMetadata | undefined): TopicMetadata {
  const topicId = found.topicId === zeroUuid ? null : found.topicId
  const same = topicId !== null && before?.topicId === topicId ? before : undefined
  const partitions = found.partitions.map((entry): PartitionMetadata => {
    const partition = entry.partitionIndex
    const older = same?.partitions[partition]
    // A broker that lags behind must not undo what a later leader has told (KIP-320).
    if (older?.partition === partition && older.leaderEpoch > entry.leaderEpoch) return older
    return {
      partition,
      leader: entry.leaderId,
      leaderEpoch: entry.leaderEpoch,
      replicas: entry.replicaNodes,
      inSyncReplicas: entry.isrNodes,
      error: kafkaError(entry.errorCode, `metadata of ${partitionName(topic, partition)}`, { topic, partition }),
    }
  })
  partitions.sort((a, b) => a.partition - b.partition)
  const error = kafkaError(found.errorCode, `metadata of topic ${topic}`, { topic })
  return { topic, topicId, internal: found.isInternal, partitions, error }
}
