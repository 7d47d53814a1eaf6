import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { CommittedOffset, LoadResult, OffsetStorage, StorageResult } from '../offsets/storage.ts'

/** Offsets in memory. */
export class MemoryOffsets implements OffsetStorage {
  readonly #committed = new Map<string, CommittedOffset>()

  get all(): readonly CommittedOffset[] {
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
