import type { Occasion } from '../occasion.ts'

/** `steady`: nothing happens, for comparison. */
export const groupEvents = ['steady', 'join', 'leave', 'kill'] as const

export type GroupEvent = (typeof groupEvents)[number]

/** What one event cost a group. */
export interface EventCost {
  /** Longest time around the event in which a message was there and none was handled, for each partition, less the time of a handler. */
  readonly pausesMs: readonly number[]
  /** Whether the partition's owner was the same before and after. */
  readonly retained: readonly boolean[]
  /** Messages that were handled for a second time. */
  readonly twice: number
  /** Messages that nobody handled. */
  readonly never: number
}

export interface RebalanceRun {
  readonly round: number
  readonly client: string
  readonly events: Readonly<Record<GroupEvent, EventCost>>
}

export interface RebalanceResult extends Occasion {
  readonly load: {
    readonly partitions: number
    /** For each partition. */
    readonly messagesPerSecond: number
    readonly handlerMs: number
    readonly sessionTimeoutMs: number
    readonly heartbeatIntervalMs: number
    readonly commitIntervalMs: number
  }
  readonly runs: readonly RebalanceRun[]
  /** What could not be run, and why. */
  readonly failed: readonly { readonly round: number; readonly client: string; readonly reason: string }[]
}
