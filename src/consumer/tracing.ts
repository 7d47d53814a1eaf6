import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { FetchAnswer, FetchQuery } from '../client/low-level-client.ts'
import type { CommittedOffset, StorageResult } from '../offsets/storage.ts'
import { promised } from '../work/invocation.ts'
import type { AnyMessage } from './claim.ts'

/** Whose operation is traced. */
export interface TracedConsumer {
  readonly clientId: string
  /** Null without one. */
  readonly group: string | null
}

/** What subscribers of a channel are given. One object for all of an operation: what they add to it, they see again. */
export interface Traced extends TracedConsumer {
  /** With `error`, and from then on. */
  error?: unknown
}

/** `millrace:fetch`: one request for messages, from sending to the answer. */
export interface FetchTrace extends Traced {
  readonly query: FetchQuery
  result?: FetchAnswer
}

/** `millrace:handle`: one call of a handler, from entering it until it settled. */
export interface HandleTrace extends Traced {
  /** Of the first message. */
  readonly topic: string
  readonly partition: number
  /** As the handler gets them: one unless it is a `batch()`. */
  readonly messages: readonly AnyMessage[]
  /** 1 for the first. */
  readonly attempt: number
  /** Whether the handler is a `batch()`. */
  readonly batch: boolean
}

/** `millrace:commit`: one commit, from sending to the answer. */
export interface CommitTrace extends Traced {
  readonly offsets: readonly CommittedOffset[]
  /** Each partition's own error is in here. */
  result?: readonly StorageResult[]
}

/**
 * `millrace:rebalance`: partitions are assigned (until `onAssigned` has ended), revoked (until they are drained, committed and given up)
 * or lost.
 */
export interface RebalanceTrace extends Traced {
  readonly kind: 'assigned' | 'revoked' | 'lost'
  readonly partitions: readonly TopicPartition[]
}

/** Channels of `node:diagnostics_channel`. Without subscribers they cost nothing worth measuring. */
export const tracing = {
  fetch: tracingChannel('millrace:fetch') as TracingChannel<unknown, FetchTrace>,
  handle: tracingChannel('millrace:handle') as TracingChannel<unknown, HandleTrace>,
  commit: tracingChannel('millrace:commit') as TracingChannel<unknown, CommitTrace>,
  rebalance: tracingChannel('millrace:rebalance') as TracingChannel<unknown, RebalanceTrace>,
}

/** As the channel's own `tracePromise`, for a function that may be synchronous too. */
export function traceHandler(payload: HandleTrace, handle: () => unknown): unknown {
  const { start, end, asyncStart, asyncEnd, error } = tracing.handle
  const failed = (thrown: unknown) => {
    payload.error = thrown
    error.publish(payload)
  }
  return start.runStores(payload, () => {
    let pending: Promise<unknown> | null
    try {
      pending = promised(handle())
    } catch (thrown) {
      failed(thrown)
      throw thrown
    } finally {
      end.publish(payload)
    }
    return pending?.then(
      value => {
        asyncStart.publish(payload)
        asyncEnd.publish(payload)
        return value
      },
      thrown => {
        failed(thrown)
        asyncStart.publish(payload)
        asyncEnd.publish(payload)
        throw thrown
      },
    )
  })
}
