import type { MillraceError } from '../base/errors.ts'
import type { TopicPartition } from '../base/topic-partition.ts'

/** The NEXT offset to read of a partition, with what was remembered beside it. */
export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  /** Leader epoch of the last message before `offset`, -1 when unknown. */
  readonly leaderEpoch: number
  /** Kafka takes 4,096 bytes unless told otherwise (`offset.metadata.max.bytes`). */
  readonly metadata: string
}

/** What a storage answers for one partition: `error` null when it worked. */
export interface StorageResult extends TopicPartition {
  readonly error: MillraceError | null
}

/** `committed` null: nothing was ever committed for this partition. It is never null because a request failed: that is `error`. */
export interface LoadResult extends StorageResult {
  readonly committed: CommittedOffset | null
}

/** Where offsets are remembered. Each call answers every partition it was given, or rejects as a whole. */
export interface OffsetStorage {
  load(partitions: readonly TopicPartition[]): Promise<readonly LoadResult[]>
  commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]>
}
