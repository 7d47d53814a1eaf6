import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { CommittedOffset, LoadResult, OffsetStorage, StorageResult } from './storage.ts'

/**
 * Offsets in memory, gone with the process: for tests, and for what every process builds anew, such as a cache. Consumers of one process
 * that share it go on where another of them ended. A group keeps its own, and so does each group.
 */
export class MemoryOffsetStorage implements OffsetStorage {
  readonly #committed = new Map<string, CommittedOffset>()

  /** What is committed, in the order in which partitions were first. */
  get committed(): readonly CommittedOffset[] {
    return [...this.#committed.values()]
  }

  async load(partitions: readonly TopicPartition[]): Promise<readonly LoadResult[]> {
    return partitions.map(({ topic, partition }) => {
      return { topic, partition, committed: this.#committed.get(partitionName(topic, partition)) ?? null, error: null }
    })
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    for (const offset of offsets) this.#committed.set(partitionName(offset.topic, offset.partition), offset)
    return offsets.map(({ topic, partition }) => ({ topic, partition, error: null }))
  }
}
