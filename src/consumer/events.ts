import type { MillraceError } from '../base/errors.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { OutOfRange, Truncated } from '../fetch/options.ts'
import type { CommittedOffset } from '../offsets/storage.ts'
import type { Decision, Failure } from '../work/failure.ts'
import type { CircuitState } from './breaker-options.ts'
import type { AnyMessage } from './claim.ts'
import type { Wait } from './state.ts'

/** A message's place. */
export interface MessagePlace extends TopicPartition {
  readonly offset: number
}

export interface Blocked extends MessagePlace {
  /** How long the event loop stood still. */
  readonly ms: number
  /** How many handlers were entered in that time; with more than one, this message's was the last of them. */
  readonly among: number
}

export interface Stuck extends MessagePlace {
  /** How long its handler had to settle, after which it was left to itself. */
  readonly afterMs: number
}

/** A partition is behind, and nothing of it was handed to a handler for `stallAfterMs`. */
export interface Stalled extends TopicPartition {
  /** Messages behind its end; null: not known. */
  readonly lag: number | null
  /** For how long nothing was handed out, ms. */
  readonly afterMs: number
  /** As in `state()`. */
  readonly waitsFor: readonly Wait[]
}

export interface FetchFailed extends TopicPartition {
  readonly error: MillraceError
}

export interface Corrupt extends MessagePlace {
  readonly error: MillraceError
}

/** A transaction of `work.transaction` was not committed, or nobody knows: what it was about comes again, as far as it is not done. */
export interface TransactionAborted {
  readonly error: Error
  /** Messages that were done in it, and what was written for them. */
  readonly messages: number
  readonly outputs: number
  /** Partitions that begin again where the group is. */
  readonly partitions: readonly TopicPartition[]
}

export interface Reconnecting {
  readonly address: string
  readonly cause: Error
  readonly attempt: number
  /** When the next attempt is made at the earliest, ms from now. */
  readonly inMs: number
}

export interface CloseResult {
  /** Whether every running handler settled in time. */
  readonly drained: boolean
  /** Handlers that still ran when they were given up; their messages come again. */
  readonly undone: number
}

/** What a consumer tells. Events only inform: nothing waits for a listener, and one that throws is logged. */
export interface ConsumerEvents {
  assigned: [partitions: readonly TopicPartition[]]
  revoked: [partitions: readonly TopicPartition[]]
  lost: [partitions: readonly TopicPartition[]]
  committed: [offsets: readonly CommittedOffset[]]
  /** The attempts of a message are spent. */
  failed: [failure: Failure<AnyMessage>, decision: Decision]
  stuck: [event: Stuck]
  /** A sync part of a handler blocked the event loop. */
  blocked: [event: Blocked]
  /** A partition is behind and stands still. Once, until it goes on. */
  stalled: [event: Stalled]
  /** A partition cannot be fetched, and is tried again. Once, until it is well. */
  'fetch-failed': [event: FetchFailed]
  'out-of-range': [event: OutOfRange]
  /** The log lost messages that were read; the partition goes on where it ends. */
  truncated: [event: Truncated]
  /** A corrupt batch was left out. */
  corrupt: [event: Corrupt]
  /** A circuit opened, lets one message probe, or closed. */
  circuit: [state: CircuitState]
  'transaction-aborted': [event: TransactionAborted]
  reconnecting: [event: Reconnecting]
  closed: [result: CloseResult]
}

/** Tells the listeners; never throws. */
export type Tell = <E extends keyof ConsumerEvents>(event: E, ...args: ConsumerEvents[E]) => void
