import type { ClientState } from '../client/native-client.ts'
import type { LastFailure } from './ledger.ts'

/** Everything a producer knows of itself, at one moment. No secrets. Times are ms since 1970. */
export interface ProducerState {
  /** `'closing'`: what is there is still being delivered. */
  readonly status: 'open' | 'closing' | 'closed'
  readonly clientId: string
  /** Messages since the start, by what became of them. */
  readonly delivered: number
  readonly failed: number
  readonly lastFailure: LastFailure | null
  readonly buffer: {
    /** Of messages that are in batches, and how many it may be. */
    readonly bytes: number
    readonly limit: number
    /** Since when messages wait for room; null: none does. */
    readonly fullSince: number | null
  }
  /** Topics that have messages which are in no batch yet, and why. */
  readonly waiting: readonly WaitingState[]
  /** Partitions that have messages. */
  readonly partitions: readonly ProducerPartitionState[]
  /** Requests that have no answer yet, of each broker that has any. */
  readonly requests: readonly { readonly nodeId: number; readonly inFlight: number }[]
  /** As whom it writes; null: without idempotence, or not told yet. */
  readonly identity: { readonly producerId: string; readonly epoch: number } | null
  /** Null without a `transactionalId`. */
  readonly transaction: TransactionState | null
  /** Null for a client that is not a `NativeClient`. */
  readonly connections: ClientState | null
}

export interface WaitingState {
  readonly topic: string
  readonly messages: number
  /** What the first of them waits for: its topic is not known, the buffer is full, or its serde is not through. */
  readonly for: 'topic' | 'room' | 'serde'
  readonly since: number
  /** Why the topic is not known, as far as somebody said. */
  readonly cause: string | null
}

export interface ProducerPartitionState {
  readonly topic: string
  readonly partition: number
  /** Node id; -1: none is known. */
  readonly leader: number
  /** Messages in batches, those under way among them, and their bytes before compression. */
  readonly messages: number
  readonly bytes: number
  /** Batches that wait, and those that were sent and have no answer. */
  readonly waiting: number
  readonly underWay: number
  /** When the oldest of its messages came. */
  readonly since: number
  /** Attempts of its first batch, and why the last one failed. */
  readonly attempts: number
  readonly cause: string | null
}

export interface TransactionState {
  readonly transactionalId: string
  /** `'broken'`: it is to be aborted; `'fenced'`: another producer has the id, and this one is over. */
  readonly status: 'none' | 'open' | 'broken' | 'fenced'
  /** Why it is broken or fenced. */
  readonly cause: string | null
}
