import type { MillraceError } from '../base/errors.ts'
import type { RecordBatch } from '../records/record-batch.ts'

export interface BrokerAddress {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface PartitionMetadata {
  readonly partition: number
  /** Node id of the leader; -1 while there is none. */
  readonly leader: number
  /** -1 where the broker does not tell. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly error: MillraceError | null
}

export interface TopicMetadata {
  readonly topic: string
  /** Where the broker has topic ids (Kafka 2.8 and later). */
  readonly topicId: string | null
  readonly internal: boolean
  readonly partitions: readonly PartitionMetadata[]
  /** Why this topic has no partitions here: unknown, not authorised, … One bad topic does not spoil the others. */
  readonly error: MillraceError | null
}

export interface ClusterMetadata {
  readonly clusterId: string | null
  readonly controller: number
  readonly brokers: readonly BrokerAddress[]
  readonly topics: ReadonlyMap<string, TopicMetadata>
}

export type Isolation = 'read_uncommitted' | 'read_committed'

export interface FetchPartition {
  readonly topic: string
  /** The topic of that name that is meant, where its id is known: one that was created anew is another. */
  readonly topicId?: string | null
  readonly partition: number
  /** First offset wanted. */
  readonly offset: number
  /** Leader epoch known for this partition, -1 when unknown: lets the broker fence a stale reader (KIP-320). */
  readonly leaderEpoch: number
  /** Bytes; the first batch of an answer may exceed it (KIP-74). */
  readonly maxBytes: number
  /** The answer has to tell of it, whether there is news or not: who asks does not know what was told before. */
  readonly untold?: boolean
}

export interface FetchQuery {
  /** Broker to ask. */
  readonly nodeId: number
  /** Which of the fetch connections to this broker to use, from 0. */
  readonly connection: number
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolation: Isolation
  /** Of who asks: a leader may then name a nearer replica instead of answering with records (KIP-392). Default: none. */
  readonly rack?: string
  readonly partitions: readonly FetchPartition[]
}

export interface AbortedTransaction {
  readonly producerId: number | bigint
  readonly firstOffset: number
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly error: MillraceError | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** The node from which the leader wants this to be read instead; -1 or left out: from itself. */
  readonly preferredReplica?: number
  readonly aborted: readonly AbortedTransaction[]
  /** Batches in log order, each with memory of its own. A last, incomplete batch is left out. */
  readonly batches: readonly RecordBatch[]
  /** Bytes of records that the answer held, complete or not. */
  readonly bytes: number
  /** What could not be split into batches: records stop before it. Null when all was sound. */
  readonly corrupt: MillraceError | null
}

export interface FetchAnswer {
  readonly throttleMs: number
  readonly partitions: readonly FetchedPartition[]
}

/** `-1` latest, `-2` earliest, `-3` that of the largest timestamp (Kafka 3.0), otherwise the first offset whose timestamp is at or after this many ms since 1970. */
export interface OffsetQuery {
  readonly topic: string
  readonly partition: number
  readonly timestamp: number
}

export interface FoundOffset {
  readonly topic: string
  readonly partition: number
  readonly error: MillraceError | null
  /** -1 when no message is that young. */
  readonly offset: number
  readonly timestamp: number
  /** Of the message at that offset, or of the leader; -1 when unknown. */
  readonly leaderEpoch: number
}

/** Where did this leader epoch end, or the last one before it that has messages? (KIP-320) */
export interface EpochQuery {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
}

export interface EpochEnd {
  readonly topic: string
  readonly partition: number
  readonly error: MillraceError | null
  /** The last epoch that is not after the one asked for; -1: the leader does not know. */
  readonly leaderEpoch: number
  /** Behind the last message of that epoch: who has read further read what is no longer in the log. -1: the leader does not know. */
  readonly endOffset: number
}

/** Finished record batches for one partition. */
export interface ProduceBatch {
  readonly topic: string
  readonly partition: number
  readonly records: Uint8Array
}

export interface ProducedBatch {
  readonly topic: string
  readonly partition: number
  readonly error: MillraceError | null
  /** Offset of the first record; -1 with `acks: 0`. */
  readonly baseOffset: number
  /** Broker's time for a LogAppendTime topic, else -1. */
  readonly logAppendTime: number
  /** With an error, false: nothing of it was sent to a broker, so it is in no log. Default: it may have been. */
  readonly sent?: boolean
}

export interface ProduceOptions {
  /** Who has the batches when they are answered for: all in-sync replicas (-1, default), the leader (1), or nobody (0). */
  readonly acks?: 0 | 1 | -1
  /** Also how long the leader waits for its replicas. Default: that of the client. */
  readonly timeoutMs?: number
  /** The transaction that the batches belong to; its coordinator knows the partitions already, or learns of them by this (KIP-890). */
  readonly transaction?: { readonly transactionalId: string; readonly addsPartitions: boolean } | null
}

export interface Throttle {
  readonly nodeId: number
  readonly ms: number
}

/**
 * What the fetch, metadata and produce paths need of a Kafka client. The native client is the default; the `client` option takes
 * another or shares one. Groups, commits and administration always use the native one.
 *
 * Every call has a deadline and rejects with a `MillraceError`; an error of one topic or partition is in its entry and does not
 * reject the call.
 */
export interface LowLevelClient {
  /**
   * Metadata of these topics (`'all'`: every topic), asked for now or joined to a refresh that is under way. Topics are never
   * created by asking.
   */
  metadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata>
  /** The answer may leave out partitions of which there is nothing new since it told of them last over the same connection. */
  fetch(query: FetchQuery, signal?: AbortSignal): Promise<FetchAnswer>
  /** Routed to each partition's leader; stale leaders are looked up again before the deadline. */
  listOffsets(queries: readonly OffsetQuery[], isolation: Isolation): Promise<readonly FoundOffset[]>
  /**
   * Routed like `listOffsets`. A client without it notices no truncated logs; an `UNSUPPORTED_VERSION` in an entry says the same of a
   * broker.
   */
  offsetsForLeaderEpoch?(queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]>
  /** Routed to each partition's leader, those of one partition in the order given; nothing is retried. */
  produce(batches: readonly ProduceBatch[], options?: ProduceOptions): Promise<readonly ProducedBatch[]>
  close(): Promise<void>
}
