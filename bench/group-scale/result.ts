import type { Occasion } from '../occasion.ts'

/** What the measured process is told, as JSON in its first argument. */
export interface ScaleTask {
  readonly brokers: readonly string[]
  /** Made by it; the group has the same name. */
  readonly topic: string
  readonly members: number
  readonly partitions: number
}

/** What it took until the group was settled again, for all members together. */
export interface ScaleCost {
  readonly seconds: number
  readonly cpuSeconds: number
  /** Rounds of the group, from the generation before. */
  readonly generations: number
  /** Partitions that have another owner than before. */
  readonly moved: number
  /** Each assignment at the leader. */
  readonly assignmentsMs: readonly number[]
  /** Lines that members wrote to their log as warnings or errors. */
  readonly warnings: number
}

export interface ScaleRun {
  /** All members at the same time. */
  readonly start: ScaleCost
  /** One more. */
  readonly join: ScaleCost
  readonly leave: ScaleCost
  /** What all members together added to the process, after garbage collection. */
  readonly memoryKib: number
  /** CPU seconds of all members in a second in which nothing happens. */
  readonly idleCpuPerSecond: number
}

export interface ScaleResult extends Occasion {
  readonly members: number
  readonly partitions: number
  readonly runs: readonly ScaleRun[]
  /** What could not be run, and why. */
  readonly failed: readonly { readonly round: number; readonly reason: string }[]
}
