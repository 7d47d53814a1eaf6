import type { WorkMessage } from './claim.ts'
import type { HandlerContext } from './context.ts'
import type { FailureBackoff, OnFailure } from './failure.ts'
import type { Seats } from './seats.ts'

/**
 * Which messages of a partition may run at the same time: `'key'`: one of each key, in offset order, messages without a key
 * in any order; `'partition'`: one at a time, in offset order; `'none'`: any.
 */
export type Order = 'key' | 'partition' | 'none'

/** When a batch is handed over: at the first limit that is reached. */
export interface BatchLimits {
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
  readonly backoff: FailureBackoff
  readonly onFailure: OnFailure<M>
  readonly redeliverMs: number
  /** Runs the serdes just before the handler; null when there is nothing to decode. */
  readonly decode: ((message: M) => void | Promise<void>) | null
  /** Places that its handlers need beside their unit of concurrency. Default: none. */
  readonly seats?: Seats<M>
}

export interface SingleRoute<M extends WorkMessage> extends RoutePolicy<M> {
  readonly batch: null
  readonly handle: (message: M, context: HandlerContext) => unknown
}

export interface BatchRoute<M extends WorkMessage> extends RoutePolicy<M> {
  readonly batch: BatchLimits
  readonly handle: (messages: readonly M[], context: HandlerContext) => unknown
}

/** How the messages of a claim are handled, with every default filled in. */
export type Route<M extends WorkMessage = WorkMessage> = SingleRoute<M> | BatchRoute<M>
