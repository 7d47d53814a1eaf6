import { type ErrorDetails, MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'

/** Where a batch came from. */
export interface BatchPlace {
  readonly topic: string
  readonly partition: number
  /** Offset of the batch, or of the record inside it; undefined where the bytes do not tell. */
  readonly offset?: number | undefined
}

/**
 * The bytes of a record batch are not what they should be: a wrong checksum, length or field, or more data than the limit allows.
 * Code `CORRUPT_BATCH`. Not retriable as such: a batch damaged on its way is sound when fetched again, one damaged on disk is not.
 */
export class CorruptBatchError extends MillraceError {
  constructor(place: BatchPlace, reason: string, details: ErrorDetails = {}) {
    const at = place.offset === undefined ? '' : ` at offset ${place.offset}`
    super(
      'CORRUPT_BATCH',
      `The record batch of ${partitionName(place.topic, place.partition)}${at} is corrupt: ${reason}. If fetching it again gives ` +
        `the same, look at the broker's log directory, or pass over it with fetch.onCorrupt 'skip'`,
      { ...details, topic: place.topic, partition: place.partition, offset: place.offset },
    )
  }
}

/** A batch is sound, and the package that its compression needs is missing. Code `UNSUPPORTED_COMPRESSION`. */
export class UnsupportedBatchError extends MillraceError {}
