import type { WorkMessage } from './claim.ts'
import type { HandlerContext } from './context.ts'
import type { FailureBackoff, OnFailure } from './failure.ts'
import type { Rate } from './rate.ts'
import type { Seats } from './seats.ts'
import type { MessageBatch } from './verdicts.ts'

/**
 * Which messages of a partition may run at the same time: `'key'`: one of each key, in offset order, messages without a key
 * in any order; `'partition'`: one at a time, in offset order; `'none'`: any.
 */
export type Order = 'key' | 'partition' | 'none'

/**
 * Which messages may be in one batch: those of one partition, those of one key (and in batches of their own those without one, of one
 * partition), or any of the route.
 */
export type BatchBy = 'route' | 'partition' | 'key'

/** What is in a batch, and when it is handed over: at the first limit that is reached. */
export interface BatchLimits {
  /** `'key'` goes with the order `'key'`, `'route'` with `'none'`. */
  readonly by: BatchBy
  readonly messages: number
  /** Bytes of keys and values. */
  readonly bytes: number
  /** How long its first message may wait for others. */
  readonly lingerMs: number
}

interface RoutePolicy<M extends WorkMessage> {
  readonly order: Order
  readonly timeoutMs: number
  readonly abandonMs: number
  /** The first one included. */
  readonly attempts: number
  /** What was handed to the handler is not handed to it again: no batch is split, and nobody waits for one that failed. */
  readonly once: boolean
  readonly backoff: FailureBackoff
  readonly onFailure: OnFailure<M>
  readonly redeliverMs: number
  /** Of all its messages together; null: as fast as it goes. */
  readonly rate: Rate | null
  /** Of each key by itself; null: as fast as it goes. Not for batches. */
  readonly keyRate: Rate | null
  /** While units of concurrency are scarce, routes with a higher one come first. */
  readonly priority: number
  /** Routes with the same family are held to their rates together: a route, and that of its retry topics. */
  readonly family: object
  /** Runs the serdes just before the handler; null when there is nothing to decode. */
  readonly decode: ((message: M) => void | Promise<void>) | null
  /** Places that its handlers need beside their unit of concurrency. Default: none. */
  readonly seats?: Seats<M>
  /** Told when an attempt ended before its handler was entered: these failed, and of the others that says nothing. */
  readonly unentered?: (failed: readonly M[], others: readonly M[]) => void
}

export interface SingleRoute<M extends WorkMessage> extends RoutePolicy<M> {
  readonly batch: null
  readonly handle: (message: M, context: HandlerContext) => unknown
}

export interface BatchRoute<M extends WorkMessage> extends RoutePolicy<M> {
  readonly batch: BatchLimits
  readonly handle: (batch: MessageBatch<M>, context: HandlerContext) => unknown
}

/** How the messages of a claim are handled, with every default filled in. */
export type Route<M extends WorkMessage = WorkMessage> = SingleRoute<M> | BatchRoute<M>
