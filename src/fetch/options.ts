import type { MillraceError } from '../base/errors.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { Isolation } from '../client/low-level-client.ts'

/** The section `fetch` of the options, resolved. Sizes are bytes. */
export interface FetchOptions {
  readonly reservoir: {
    /** Per partition, soft by one fetch. */
    readonly messages: number
    /** All partitions together, soft by one batch. */
    readonly bytes: number
  }
  /** Connections per broker. */
  readonly fetchers: number
  readonly minBytes: number
  readonly maxWaitMs: number
  /** Per fetch. */
  readonly maxBytes: number
  /** Per partition and fetch. */
  readonly partitionMaxBytes: number
  readonly isolation: Isolation
  /** Per batch: one that inflates beyond it is corrupt. */
  readonly maxInflatedBytes: number
  /** Undefined: `'fail'` when an offset was committed, else where a partition without one starts. */
  readonly onOutOfRange: 'fail' | 'earliest' | 'latest' | undefined
  readonly onCorrupt: 'fail' | 'skip'
}

/** Where a partition begins for which nothing was committed. A timestamp (ms since 1970) beyond the last message is `'latest'`. */
export type StartPosition = 'earliest' | 'latest' | { readonly timestamp: number } | { readonly offset: number }

export interface OutOfRange extends TopicPartition {
  /** What was asked for and does not exist. */
  readonly position: number
  /** First offset that exists, -1 when the broker did not tell. */
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly policy: 'fail' | StartPosition
}

export interface Truncated extends TopicPartition {
  /** The next offset to read, so far. */
  readonly position: number
  /** Where the log and what was read of it part: fetching goes on here. */
  readonly endOffset: number
  /** Of what lies before `endOffset`. */
  readonly leaderEpoch: number
}

/** What fetching tells; it only informs. */
export interface FetchEvents {
  outOfRange(event: OutOfRange): void
  /** The log has lost messages that were read, or committed, and may have others in their place. */
  truncated(event: Truncated): void
  /** The partition (all those of one broker, one by one) cannot be fetched and backs off. Told once, until it is well again. */
  failed(partition: TopicPartition, error: MillraceError): void
  /** The cluster does not know the topic of a claim, now; told each time that it says so. */
  topicMissing(): void
}

/**
 * What goes on with a claim: `'full'` waits for its handlers, `'paused'` for the user, `'looking-up'` for its first position,
 * `'validating'` for the leader to say that what was read is still in its log, `'no-leader'` for a leader, `'backing-off'` for the
 * next attempt after an error; `'failed'` was given up.
 */
export type FetchPhase =
  | 'fetching'
  | 'full'
  | 'paused'
  | 'looking-up'
  | 'validating'
  | 'no-leader'
  | 'backing-off'
  | 'failed'

/** The first transaction of a partition that is neither committed nor aborted: what lies behind its first message waits for its end. */
export interface OpenTransaction {
  /** Of its first message. */
  readonly offset: number
  /** For how long it has been the first, as far as this process saw: milliseconds since 1970. */
  readonly since: number
}

export interface FetchState {
  readonly phase: FetchPhase
  /** When the trouble began, milliseconds since 1970; null without trouble. */
  readonly since: number | null
  readonly error: MillraceError | null
  /** Node ids of the leader, and of the broker it is fetched from, which may be a nearer replica; -1 without one. */
  readonly leader: number
  readonly fetchedFrom: number
  readonly openTransaction: OpenTransaction | null
}
