import type { ClientState } from '../client/native-client.ts'
import type { FetchPhase, OpenTransaction } from '../fetch/options.ts'
import type { OwnershipState } from '../ownership/coordinator.ts'
import type { ThreadPoolState } from '../threads/pool.ts'
import type { CircuitState } from './breaker-options.ts'
import type { OffsetsMode } from './options.ts'

export type ConsumerStatus = 'idle' | 'starting' | 'running' | 'draining' | 'closed'

/** What keeps a partition from being handled, and since when (ms since 1970) where that is known. */
export interface Wait {
  /**
   * `fetch` names what fetching does about it; `memory`: other partitions hold all that `fetch.reservoir.bytes` allows; `broker`: an
   * answer with its messages; `transaction`: one that is open; `handlers`: all that may run do, or one runs with what is in front;
   * `attempts`: the next attempt of messages that failed; `rate`: `work.rate` or `work.keyRate` lets what is next start later;
   * `held`, `left` and `abandoned`: messages with that decision, or fate;
   * `undone`: too many messages are left or held; `lookahead`: too many wait behind others of their key or for another attempt;
   * `gaps`: what is done above `done` takes all of `offsets.metadataLimit`, or with `work.transaction` might when all that is in work is done;
   * `outputs`: too much waits to be written in the next transaction; `offsets`: what was committed is being looked up; `lease`: the group
   * has not acknowledged a heartbeat for too long, so that another may own it; `first-commit`: its starting position is being committed;
   * `commits`: commits have been failing for too long, or `offsets.mode` is `'at-most-once'` and the next message is not committed yet; `circuit`: too
   * many messages failed, or one probes whether it works again; `due`: its next message, in a retry topic, is to be handled later.
   */
  readonly for:
    | Exclude<FetchPhase, 'fetching'>
    | 'memory'
    | 'broker'
    | 'transaction'
    | 'handlers'
    | 'attempts'
    | 'rate'
    | 'held'
    | 'left'
    | 'abandoned'
    | 'undone'
    | 'lookahead'
    | 'gaps'
    | 'outputs'
    | 'draining'
    | 'offsets'
    | 'lease'
    | 'first-commit'
    | 'commits'
    | 'circuit'
    | 'due'
  readonly since: number | null
  /** In words: an error's message, or which message and when. */
  readonly cause: string | null
}

export interface PartitionState {
  readonly topic: string
  readonly partition: number
  /** Next offset to fetch; -1 while it is not known. */
  readonly position: number
  /** The lowest offset that is not done; -1 while it is not known. */
  readonly done: number
  /** What the storage is known to hold; -1: nothing yet. Above `done` where `offsets.mode` is `'at-most-once'`. */
  readonly committed: number
  /** -1 until the broker told. */
  readonly highWatermark: number
  /** Messages behind the end of the partition: `highWatermark - done`; null while one of them is not known. */
  readonly lag: number | null
  /** Fetched and not taken by a handler yet. */
  readonly reservoir: { readonly messages: number; readonly bytes: number }
  /** Handlers that run. */
  readonly inFlight: number
  /** Taken, and waiting for their key, its rate, their batch or their next attempt. */
  readonly waiting: number
  /** Messages that were left or are held. */
  readonly undone: number
  /** Done stretches above `done`, which a commit remembers. */
  readonly gaps: number
  /** Messages that were done by an owner before, and not handled again. */
  readonly recalled: number
  readonly paused: boolean
  /** Under `'read_committed'`: keeps messages from being read, as the last stable offset is below the high watermark. */
  readonly openTransaction: OpenTransaction | null
  /** Node id of the broker it is fetched from: its leader, or a nearer replica; -1: of none. */
  readonly fetchedFrom: number
  /** It is behind, and nothing of it was handed to a handler since then, ms since 1970: longer than `stallAfterMs`. Null: it is not. */
  readonly stalledSince: number | null
  readonly waitsFor: readonly Wait[]
}

export interface CommitSummary {
  /** `offsets.mode`. */
  readonly mode: OffsetsMode
  /** Ms since 1970; null: none yet. */
  readonly lastAt: number | null
  readonly failingSince: number | null
  readonly error: string | null
  /** Failing for longer than `offsets.maxCommitAgeMs`: nothing is handled until it works again. */
  readonly overdue: boolean
  readonly pending: number
}

/** Counted since the start. */
export interface WorkCounts {
  readonly done: number
  /** Of these, those that `work.filter` left out, and those that were too old when they were taken. */
  readonly filtered: number
  readonly expired: number
  /** Attempts that failed and were followed by another. */
  readonly retried: number
  readonly skipped: number
  /** Of these, those that are in a dead-letter or retry topic, or parked. */
  readonly kept: number
  readonly left: number
  readonly held: number
  readonly stuck: number
}

/** Of `work.transaction`. */
export interface TransactionSummary {
  /** The transactional id. */
  readonly id: string
  /** Since when one is open, ms since 1970; null: none is. */
  readonly openSince: number | null
  /** Messages that are done in it, and what is being written for them. */
  readonly messages: number
  readonly outputs: number
  /** Of outputs of done messages that are not given to the producer yet. */
  readonly waitingBytes: number
  /** Transactions since the start, and what they held. */
  readonly committed: number
  readonly committedMessages: number
  readonly committedOutputs: number
  readonly aborted: number
  /** Why the last one was not committed that was not; null: all were. */
  readonly error: string | null
}

/** A snapshot of everything a consumer knows of itself; the same for health checks, people and tests. Holds no secrets. */
export interface ConsumerState {
  readonly status: ConsumerStatus
  readonly group: string | null
  readonly clientId: string
  readonly partitions: readonly PartitionState[]
  /** Bytes in memory in front of the handlers and in them, and the limit. */
  readonly reservoir: { readonly bytes: number; readonly limit: number }
  readonly inFlight: number
  /** Handlers that were left to themselves and have not settled. */
  readonly abandoned: number
  readonly work: WorkCounts
  /** Null: no handler runs in one, or it has not been started. */
  readonly threads: ThreadPoolState | null
  /** Circuits of `work.breaker` that are not closed. */
  readonly circuits: readonly CircuitState[]
  /** Null without a group. */
  readonly commits: CommitSummary | null
  /** Null without `work.transaction`. */
  readonly transaction: TransactionSummary | null
  readonly ownership: OwnershipState | null
  readonly connections: ClientState | null
  /** What ended it, or is about to. */
  readonly error: Error | null
}
