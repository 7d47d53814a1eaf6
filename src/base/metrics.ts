export type MetricLabels = Readonly<Record<string, string>>

/** What a metric is; its values come one for each set of labels. Names and units are as Prometheus has them. */
export interface Metric {
  /** With prefix and unit: `millrace_handler_duration_seconds`. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** In UCUM, as OpenTelemetry has it: `s`, `By`, `{message}`. */
  readonly unit: string
  /** Names of its labels. */
  readonly labels: readonly string[]
  /** Of a histogram: upper bounds, rising, for those who count in buckets. */
  readonly buckets: readonly number[]
}

/** Tells one value of a metric. */
export type ReportValue = (labels: MetricLabels, value: number) => void

/** Takes what happens as often as messages come: it is called for each, and must be quick. */
export interface Histogram {
  observe(value: number): void
}

/**
 * Where metrics go. Counters and gauges are read and not written: whoever counts anyway is asked when the values are wanted, and it
 * costs nothing between two looks.
 */
export interface Metrics {
  /** For one set of labels; the same object may be answered for the same labels. */
  histogram(metric: Metric, labels: MetricLabels): Histogram
  /**
   * A counter or a gauge: `read` tells its values, whenever they are wanted. A counter's never fall. Several may give values to one
   * metric, with labels of their own. Answers what ends it: `read` is not called any more.
   */
  sampled(metric: Metric, read: (report: ReportValue) => void): () => void
}
