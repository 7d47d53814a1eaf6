import { type Clock, sleep } from '../base/clock.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type {
  ClusterMetadata,
  FetchAnswer,
  FetchedPartition,
  FetchQuery,
  FoundOffset,
  LowLevelClient,
  OffsetQuery,
  ProduceBatch,
  ProducedBatch,
  TopicMetadata,
} from '../client/low-level-client.ts'
import { RecordBatch } from '../records/record-batch.ts'

const NODE = 1
const EARLIEST = -2

/** Every topic that is asked for, in memory, as one broker would have it that never fails. */
export class MemoryCluster implements LowLevelClient {
  readonly #clock: Clock
  readonly #partitions: ReadonlyMap<string, number>
  readonly #logs = new Map<string, RecordBatch[]>()
  /** Told when something is written, and then made anew. */
  #written = Promise.withResolvers<void>()

  /** `partitions` of topics that have more than one. */
  constructor(clock: Clock, partitions: ReadonlyMap<string, number>) {
    this.#clock = clock
    this.#partitions = partitions
  }

  /** What was written, in order. */
  log(topic: string, partition: number): readonly RecordBatch[] {
    return this.#logs.get(partitionName(topic, partition)) ?? []
  }

  /** Offset of the next message. */
  end(topic: string, partition: number): number {
    return (this.log(topic, partition).at(-1)?.lastOffset ?? -1) + 1
  }

  /** Topics in which something was written. */
  get topics(): readonly string[] {
    return [...new Set([...this.#logs.keys()].map(name => name.slice(0, name.lastIndexOf('['))))]
  }

  partitions(topic: string): number {
    return this.#partitions.get(topic) ?? 1
  }

  async metadata(asked: readonly string[] | 'all'): Promise<ClusterMetadata> {
    const names = asked === 'all' ? [...new Set([...this.#partitions.keys(), ...this.topics])] : asked
    const topics = new Map(names.map(topic => [topic, this.#describe(topic)]))
    return { clusterId: null, controller: NODE, brokers: [], topics }
  }

  async fetch(query: FetchQuery, signal?: AbortSignal): Promise<FetchAnswer> {
    const ended = new AbortController()
    const over = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
    let waits = true
    const late = sleep(this.#clock, query.maxWaitMs, over)
      .catch(() => {})
      .then(() => {
        waits = false
      })
    while (waits && !this.#has(query)) await Promise.race([this.#written.promise, late])
    signal?.throwIfAborted()
    ended.abort()
    return { throttleMs: 0, partitions: query.partitions.map(each => this.#read(each)) }
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly FoundOffset[]> {
    return queries.map(query => {
      const { topic, partition, timestamp } = query
      const offset = timestamp === EARLIEST ? 0 : this.end(topic, partition)
      return { topic, partition, offset, timestamp: -1, leaderEpoch: 0, error: null }
    })
  }

  async produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]> {
    const answers = batches.map(({ topic, partition, records }) => {
      const baseOffset = this.#append({ topic, partition }, Buffer.from(records))
      return { topic, partition, error: null, baseOffset, logAppendTime: -1 }
    })
    this.#written.resolve()
    this.#written = Promise.withResolvers()
    return answers
  }

  async close(): Promise<void> {}

  #append({ topic, partition }: TopicPartition, bytes: Buffer): number {
    const baseOffset = this.end(topic, partition)
    bytes.writeBigInt64BE(BigInt(baseOffset), 0)
    bytes.writeInt32BE(0, 12)
    const name = partitionName(topic, partition)
    const log = this.#logs.get(name)
    const batch = new RecordBatch(bytes)
    if (log === undefined) this.#logs.set(name, [batch])
    else log.push(batch)
    return baseOffset
  }

  #has({ partitions }: FetchQuery): boolean {
    return partitions.some(({ topic, partition, offset }) => offset < this.end(topic, partition))
  }

  #read({ topic, partition, offset }: FetchQuery['partitions'][number]): FetchedPartition {
    const batches = this.log(topic, partition)
      .filter(({ lastOffset }) => lastOffset >= offset)
      .map(({ buffer }) => new RecordBatch(Buffer.from(buffer)))
    const end = this.end(topic, partition)
    return {
      topic,
      partition,
      error: null,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: 0,
      aborted: [],
      batches,
      bytes: batches.reduce((sum, { buffer }) => sum + buffer.length, 0),
      corrupt: null,
    }
  }

  #describe(topic: string): TopicMetadata {
    const partitions = Array.from({ length: this.partitions(topic) }, (_, partition) => {
      return { partition, leader: NODE, leaderEpoch: 0, replicas: [NODE], inSyncReplicas: [NODE], error: null }
    })
    return { topic, topicId: null, internal: false, partitions, error: null }
  }
}
