import type { MetricLabels } from '../base/metrics.ts'
import type { Rates } from './rates.ts'

interface AnySeries {
  readonly name: string
  readonly labels: MetricLabels
}

export interface GaugeSnapshot extends AnySeries {
  readonly type: 'gauge'
  readonly value: number
}

export interface CounterSnapshot extends AnySeries {
  readonly type: 'counter'
  /** Since the start. */
  readonly value: number
  readonly rates: Rates
}

/** Values below which 50, 75, 95, 99 and 99.9 % lie; right to 1.6 %. */
export interface Percentiles {
  readonly p50: number
  readonly p75: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
}

export interface HistogramSnapshot extends AnySeries {
  readonly type: 'histogram'
  /** Since the start, as `sum`, `mean` and `max` are. */
  readonly count: number
  readonly sum: number
  readonly mean: number | null
  readonly max: number
  /** How many there are in a second. */
  readonly rates: Rates
  /** Of the last one to two minutes; null when nothing came in them. */
  readonly percentiles: Percentiles | null
}

/** One metric with one set of labels. */
export type Series = GaugeSnapshot | CounterSnapshot | HistogramSnapshot

/** All metrics of a consumer at one moment. */
export interface MetricsSnapshot {
  /** Ms since 1970. */
  readonly takenAt: number
  readonly series: readonly Series[]
}
