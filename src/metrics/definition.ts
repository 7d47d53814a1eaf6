import type { Metric } from '../base/metrics.ts'

/** A metric before its prefix and the labels that all have: the client's, and those of the option. */
export type MetricDefinition = Omit<Metric, 'buckets'> & { readonly buckets?: readonly number[] }

/** Bounds for what waits for brokers. */
export const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Of seconds, unless a unit is named. Values up to 32,768 are told apart. */
export function histogram(
  name: string,
  buckets: readonly number[],
  labels: readonly string[],
  help: string,
  unit = 's',
) {
  return { name, type: 'histogram', unit, labels, help, buckets } as const
}

export function counter(name: string, unit: string, labels: readonly string[], help: string) {
  return { name, type: 'counter', unit, labels, help } as const
}

export function gauge(name: string, unit: string, labels: readonly string[], help: string) {
  return { name, type: 'gauge', unit, labels, help } as const
}
