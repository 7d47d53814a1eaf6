import { type Clock, sleep } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import { partitionName } from '../../src/base/topic-partition.ts'
import type {
  ClusterMetadata,
  EpochEnd,
  EpochQuery,
  FetchAnswer,
  FetchedPartition,
  FetchQuery,
  FoundOffset,
  Isolation,
  LowLevelClient,
  OffsetQuery,
} from '../../src/client/low-level-client.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import type { PartitionLog } from './log.ts'

export interface SentFetch {
  readonly at: number
  readonly query: FetchQuery
}

/** Null: what the brokers have. */
type Scripted<T> = T | Error | null

/**
 * Brokers in memory that answer as Kafka does: long polls, limits, and the first batch of an answer however large it is (KIP-74).
 * A test may answer in their place.
 */
export class ScriptedClient implements LowLevelClient {
  readonly fetches: SentFetch[] = []
  readonly lookups: OffsetQuery[] = []
  /** One list for each request. */
  readonly checks: (readonly EpochQuery[])[] = []
  metadataRequests = 0
  /** Fetches, lookups and refreshes under way. */
  underWay = 0
  /** Instead of the brokers; null: they answer. */
  onFetch: (query: FetchQuery) => Scripted<FetchAnswer> | Promise<Scripted<FetchAnswer>> = () => null
  onMetadata: () => Scripted<ClusterMetadata> | Promise<Scripted<ClusterMetadata>> = () => null
  onLookup: (queries: readonly OffsetQuery[]) => readonly FoundOffset[] | Error | null = () => null
  onCheck: (queries: readonly EpochQuery[]) => Scripted<readonly EpochEnd[]> | Promise<Scripted<readonly EpochEnd[]>> =
    () => null
  /** Of one partition in an answer, instead of what the broker has. */
  onPartition: (fetched: FetchedPartition) => FetchedPartition = fetched => fetched
  /** Whether topics are fetched by their ids, where they have some. */
  byId = true
  readonly latencyMs: number
  readonly #clock: Clock
  readonly #logs = new Map<string, PartitionLog>()

  constructor(clock: Clock, logs: readonly PartitionLog[], latencyMs = 1) {
    this.#clock = clock
    this.latencyMs = latencyMs
    for (const log of logs) this.#logs.set(partitionName(log.topic, log.partition), log)
  }

  async metadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
    this.metadataRequests++
    return this.#answered(await this.onMetadata(), () => this.cluster(topics))
  }

  async fetch(query: FetchQuery, signal?: AbortSignal): Promise<FetchAnswer> {
    this.fetches.push({ at: this.#clock.now(), query })
    const scripted = await this.onFetch(query)
    if (scripted !== null) return this.#answered(scripted, () => ({ throttleMs: 0, partitions: [] }))
    this.underWay++
    try {
      await this.#longPoll(query, signal)
      return { throttleMs: 0, partitions: this.#read(query) }
    } finally {
      this.underWay--
    }
  }

  async listOffsets(queries: readonly OffsetQuery[], isolation: Isolation): Promise<readonly FoundOffset[]> {
    this.lookups.push(...queries)
    return this.#answered(this.onLookup(queries), () => queries.map(query => this.#find(query, isolation)))
  }

  async offsetsForLeaderEpoch(queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]> {
    this.checks.push(queries)
    return this.#answered(await this.onCheck(queries), () =>
      queries.map(({ topic, partition, leaderEpoch }) => {
        return { topic, partition, error: null, ...this.#log(topic, partition).endOf(leaderEpoch) }
      }),
    )
  }

  produce(): Promise<never> {
    return Promise.reject(new Error('not scripted'))
  }

  async close(): Promise<void> {}

  cluster(topics: readonly string[] | 'all'): ClusterMetadata {
    const found = new Map<string, PartitionLog[]>()
    for (const log of this.#logs.values()) found.set(log.topic, [...(found.get(log.topic) ?? []), log])
    const wanted = topics === 'all' ? [...found.keys()] : topics
    return {
      clusterId: 'scripted',
      controller: 1,
      brokers: [1, 2, 3].map(nodeId => ({ nodeId, host: 'scripted', port: 9000 + nodeId, rack: null })),
      topics: new Map(
        wanted.map(topic => [
          topic,
          {
            topic,
            topicId: found.get(topic)?.[0]?.topicId ?? null,
            internal: false,
            error: null,
            partitions: (found.get(topic) ?? []).map(({ partition, leader, leaderEpoch }) => {
              return { partition, leader, leaderEpoch, replicas: [1, 2, 3], inSyncReplicas: [1, 2, 3], error: null }
            }),
          },
        ]),
      ),
    }
  }

  async #answered<T>(scripted: T | Error | null, otherwise: () => T): Promise<T> {
    this.underWay++
    await sleep(this.#clock, this.latencyMs)
    this.underWay--
    if (scripted instanceof Error) throw scripted
    return scripted ?? otherwise()
  }

  /** Until there are enough bytes or an error, or the wait is over. */
  async #longPoll(query: FetchQuery, signal: AbortSignal | undefined): Promise<void> {
    const end = this.#clock.now() + query.maxWaitMs
    await sleep(this.#clock, this.latencyMs, signal)
    for (;;) {
      const answer = this.#read(query)
      const bytes = answer.reduce((sum, { bytes }) => sum + bytes, 0)
      if (bytes >= query.minBytes || answer.some(({ error }) => error !== null)) return
      if (this.#clock.now() >= end) return
      await sleep(this.#clock, Math.min(5, end - this.#clock.now()), signal)
    }
  }

  #read(query: FetchQuery): FetchedPartition[] {
    let left = query.maxBytes
    let first = true
    return query.partitions.map(({ topic, topicId = null, partition, offset, leaderEpoch, maxBytes }) => {
      const log = this.#log(topic, partition)
      if (this.byId && topicId !== log.topicId) return failed(log, 100)
      if (log.leader !== query.nodeId) return failed(log, 6)
      if (leaderEpoch >= 0 && leaderEpoch < log.leaderEpoch) return failed(log, 74)
      if (offset < log.logStart || offset > log.end) return failed(log, 1)
      const batches = log.read(offset, Math.min(left, maxBytes), first)
      const answer = this.onPartition(log.answer(batches, query.isolation))
      if (answer.batches.length > 0) first = false
      left = Math.max(0, left - answer.bytes)
      return answer
    })
  }

  #log(topic: string, partition: number): PartitionLog {
    const log = this.#logs.get(partitionName(topic, partition))
    if (log === undefined) throw new Error(`no log of ${topic}[${partition}]`)
    return log
  }

  #find({ topic, partition, timestamp }: OffsetQuery, _isolation: Isolation): FoundOffset {
    const log = this.#log(topic, partition)
    const young = log.batches.find(batch => batch.maxTimestamp >= timestamp)?.baseOffset ?? -1
    const offset = timestamp === -2 ? log.logStart : timestamp === -1 ? log.end : young
    return { topic, partition, error: null, offset, timestamp: -1, leaderEpoch: log.leaderEpoch }
  }
}

/** A partition's answer that is this error. */
export function failed(log: PartitionLog, errorCode: number, error?: MillraceError): FetchedPartition {
  const { topic, partition } = log
  return {
    ...log.answer([], 'read_uncommitted'),
    error: error ?? new KafkaError(errorCode, `fetch of ${topic}[${partition}]`, { topic, partition }),
  }
}
