import { exponential } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import { ConnectionError, type MillraceError, OptionError, RequestTimeoutError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { errorCodes, errorName } from '../protocol/error-codes.ts'
import type { MetadataResponse } from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import { askController } from './ask-controller.ts'
import { within } from './deadline.ts'
import type { TopicMetadata } from './low-level-client.ts'
import type { NativeClient } from './native-client.ts'

export interface NewTopic {
  readonly topic: string
  /** Default: the broker's `num.partitions` (KIP-464, Kafka 2.4). */
  readonly partitions?: number
  /** Replicas of each partition. Default: the broker's `default.replication.factor` (KIP-464, Kafka 2.4). */
  readonly replicas?: number
  /** Instead of both: node ids of each partition's replicas, the preferred leader first. */
  readonly assignments?: readonly (readonly number[])[]
  /** Settings under Kafka's names. */
  readonly configs?: Readonly<Record<string, string>>
}

export interface ChangeOptions {
  /** Only checks whether it could be done. Default false. */
  readonly validateOnly?: boolean
  /** From asking to answer. Default the client's `requestTimeoutMs`. */
  readonly timeoutMs?: number
}

/** What became of one topic. */
export interface TopicOutcome {
  readonly topic: string
  readonly error: MillraceError | null
}

export interface CreatedTopic extends TopicOutcome {
  /** Null where the broker has no topic ids (before Kafka 2.8), and when it was only checked or failed. */
  readonly topicId: string | null
  /** Null where the broker does not tell (before Kafka 2.4), and when it failed. */
  readonly partitions: number | null
  readonly replicas: number | null
}

export interface PartitionsOptions extends ChangeOptions {
  /** Node ids of the replicas of each new partition, the preferred leader first. Default: the controller places them. */
  readonly assignments?: readonly (readonly number[])[]
}

export interface WaitOptions {
  /** Default the client's `requestTimeoutMs`. */
  readonly timeoutMs?: number
  /** The wait rejects with its reason. */
  readonly signal?: AbortSignal
}

/** The first version that takes -1 for what the broker is set to. */
const versionWithDefaults = 4
/** The first version that names topics by name or id. */
const versionWithIds = 6
const latest = -1
const backoff = exponential(50, 500)

/** The part of `Admin` that is about topics: what is asked of the controller. */
export class TopicAdmin {
  readonly #client: NativeClient

  constructor(client: NativeClient) {
    this.#client = client
  }

  async list(): Promise<readonly TopicMetadata[]> {
    return [...(await this.#client.metadata('all')).topics.values()]
  }

  async describe(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const found = (await this.#client.metadata(topics)).topics
    return topics.flatMap(topic => found.get(topic) ?? [])
  }

  async create(topics: readonly NewTopic[], options: ChangeOptions): Promise<readonly CreatedTopic[]> {
    const { validateOnly = false } = options
    const wanted = topics.map(creatable)
    const defaults = wanted.some(({ assignments, numPartitions, replicationFactor }) => {
      return assignments.length === 0 && (numPartitions < 0 || replicationFactor < 0)
    })
    const answers = await askController(
      this.#client,
      wanted,
      {
        name: 'CreateTopics',
        body: (topics, timeoutMs) => ({ topics, timeoutMs, validateOnly }),
        outcome: (answer, { name }) => answer.topics.find(found => found.name === name),
        doing: ({ name }) => `creating topic ${name}`,
        topic: ({ name }) => name,
        minVersion: defaults ? versionWithDefaults : undefined,
      },
      this.#timeoutMs(options),
    )
    return answers.map(({ outcome, error }, at) => {
      const { topicId = zeroUuid, numPartitions = -1, replicationFactor = -1 } = (error === null && outcome) || {}
      return {
        topic: topics[at]?.topic ?? '',
        topicId: validateOnly || topicId === zeroUuid ? null : topicId,
        partitions: numPartitions < 0 ? null : numPartitions,
        replicas: replicationFactor < 0 ? null : replicationFactor,
        error,
      }
    })
  }

  async delete(topics: readonly string[], options: ChangeOptions): Promise<readonly TopicOutcome[]> {
    const answers = await askController(
      this.#client,
      topics,
      {
        name: 'DeleteTopics',
        body: (names, timeoutMs, version) => {
          if (version < versionWithIds) return { topicNames: names, timeoutMs }
          return { topics: names.map(name => ({ name, topicId: zeroUuid })), timeoutMs }
        },
        outcome: (answer, topic) => answer.responses.find(({ name }) => name === topic),
        doing: topic => `deleting topic ${topic}`,
        topic: topic => topic,
      },
      this.#timeoutMs(options),
    )
    return answers.map(({ error }, at) => ({ topic: topics[at] ?? '', error }))
  }

  async createPartitions(topic: string, count: number, options: PartitionsOptions): Promise<void> {
    const { validateOnly = false } = options
    const assignments = options.assignments?.map(brokerIds => ({ brokerIds })) ?? null
    const [answer] = await askController(
      this.#client,
      [topic],
      {
        name: 'CreatePartitions',
        body: (names, timeoutMs) => {
          return { topics: names.map(name => ({ name, count, assignments })), timeoutMs, validateOnly }
        },
        outcome: (answer, topic) => answer.results.find(({ name }) => name === topic),
        doing: topic => `creating partitions of topic ${topic}`,
        topic: topic => topic,
      },
      this.#timeoutMs(options),
    )
    if (answer !== undefined && answer.error !== null) throw answer.error
  }

  /** Asks each broker until all of them know a leader of every partition, and then the leaders until all of them serve. */
  async waitForLeaders(topics: readonly string[], options: WaitOptions): Promise<void> {
    const { settings, signal: closed } = this.#client.router
    const { clock, random } = settings
    const timeoutMs = this.#timeoutMs(options)
    const deadline = clock.now() + timeoutMs
    const signal = options.signal === undefined ? closed : AbortSignal.any([options.signal, closed])
    let missing: string | null = 'the brokers gave no answer'
    const late = () => new RequestTimeoutError(`Not every partition had a leader within ${timeoutMs} ms: ${missing}`)
    for (let attempt = 1; ; attempt += 1) {
      const look = async () => (await this.#unknownToABroker(topics)) ?? (await this.#unserved(topics))
      missing = await within(clock, Math.max(1, deadline - clock.now()), look(), late, signal)
      if (missing === null) return
      const waitMs = backoff(attempt, random)
      if (clock.now() + waitMs >= deadline) throw late()
      await sleep(clock, waitMs, signal)
    }
  }

  /** What the first broker says that does not know all leaders; null when each knows them. Who cannot be reached is not asked. */
  async #unknownToABroker(topics: readonly string[]): Promise<string | null> {
    const { brokers } = await this.#client.metadata([])
    const body = { topics: topics.map(name => ({ name })), allowAutoTopicCreation: false }
    const told = brokers.map(async ({ nodeId }) => {
      try {
        const answer = await this.#client.send({ nodeId }, 'Metadata', body)
        const missing = leaderless(answer, topics)
        return missing && `${missing}, as node ${nodeId} tells`
      } catch (thrown) {
        if (thrown instanceof ConnectionError) return null
        throw thrown
      }
    })
    return (await Promise.all(told)).find(missing => missing !== null) ?? null
  }

  /** The first partition whose leader does not serve it. */
  async #unserved(topics: readonly string[]): Promise<string | null> {
    const described = await this.describe(topics)
    const queries = described.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition }) => ({ topic, partition, timestamp: latest })),
    )
    const offsets = await this.#client.listOffsets(queries, 'read_uncommitted')
    return offsets.find(({ error }) => error !== null)?.error?.message ?? null
  }

  #timeoutMs({ timeoutMs }: { timeoutMs?: number }): number {
    return timeoutMs ?? this.#client.router.settings.requestTimeoutMs
  }
}

function creatable({ topic, partitions, replicas, assignments, configs = {} }: NewTopic) {
  if (assignments !== undefined && (partitions !== undefined || replicas !== undefined)) {
    throw new OptionError(`assignments of topic ${topic} say how many partitions and replicas it has: leave those out`)
  }
  return {
    name: topic,
    numPartitions: partitions ?? -1,
    replicationFactor: replicas ?? -1,
    assignments: (assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
  }
}

/** The first topic or partition of which this broker knows no leader, and why. */
function leaderless(answer: MetadataResponse, topics: readonly string[]): string | null {
  for (const topic of topics) {
    const found = answer.topics.find(({ name }) => name === topic)
    const code = found?.errorCode ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    if (code !== errorCodes.NONE) return `topic ${topic} (${errorName(code) ?? code})`
    const open = found?.partitions.find(({ leaderId }) => leaderId < 0)
    if (open !== undefined) return partitionName(topic, open.partitionIndex)
  }
  return null
}
