import type { Logger } from '../base/logger.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { MetadataLimit } from '../offsets/gaps.ts'

/** What all claims learn of the metadata beside offsets, and tell once. */
export class OffsetMetadata {
  readonly limit: MetadataLimit
  readonly #logger: Logger
  #foreignTold = false

  constructor(characters: number, logger: Logger) {
    this.limit = new MetadataLimit(characters)
    this.#logger = logger
  }

  /** A partition's metadata cannot be used. Said once: where one has it, others do. */
  foreign({ topic, partition }: TopicPartition): void {
    if (this.#foreignTold) return
    this.#foreignTold = true
    const what = 'the metadata of its committed offset was written by another program, or is damaged'
    this.#logger.warn(
      { topic, partition },
      `${partitionName(topic, partition)}: ${what}; it is not used, and replaced by the next commit`,
    )
  }

  /** The storage refused so much. */
  tooLarge(characters: number): void {
    this.limit.refused(characters)
    const limit = this.limit.characters
    this.#logger.warn(
      { characters, limit },
      `metadata of ${characters} characters is too much for the storage of offsets: from now on it is ${limit} at most. ` +
        "Kafka's limit is offset.metadata.max.bytes, the consumer's is offsets.metadataLimit",
    )
  }
}
