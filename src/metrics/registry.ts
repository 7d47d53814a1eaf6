import type { Clock, Timer } from '../base/clock.ts'
import type { Histogram, Metric, MetricLabels, Metrics, ReportValue } from '../base/metrics.ts'
import { emptyHistogram, LogHistogram } from './log-histogram.ts'
import { MovingRates, RATE_INTERVAL_MS } from './rates.ts'
import type { MetricsSnapshot, Percentiles, Series } from './snapshot.ts'

/** Percentiles are of the time since the window before this one began. */
const WINDOW_MS = 60_000
const QUANTILES = [0.5, 0.75, 0.95, 0.99, 0.999]

/** One histogram, for one set of labels. */
interface HistogramSeries {
  readonly labels: MetricLabels
  readonly values: LogHistogram
  readonly rates: MovingRates
  /** As it was when this window began, and the one before. */
  windowStart: LogHistogram
  lastStart: LogHistogram
}

export interface Family {
  readonly metric: Metric
  readonly histograms: ReadonlyMap<string, { readonly labels: MetricLabels; readonly values: LogHistogram }>
  /** Values of a counter or gauge, now. */
  read(report: ReportValue): void
}

class MetricFamily implements Family {
  readonly metric: Metric
  readonly readers = new Set<(report: ReportValue) => void>()
  readonly histograms = new Map<string, HistogramSeries>()
  /** Of counters, by labels. */
  rates = new Map<string, MovingRates>()

  constructor(metric: Metric) {
    this.metric = metric
  }

  /** Values of several with the same labels are added up: a label set may come once only. */
  read(report: ReportValue): void {
    if (this.readers.size === 1) for (const read of this.readers) read(report)
    if (this.readers.size < 2) return
    const sums = new Map<string, { labels: MetricLabels; value: number }>()
    for (const read of this.readers) {
      read((labels, value) => {
        const key = keyOf(labels)
        sums.set(key, { labels, value: value + (sums.get(key)?.value ?? 0) })
      })
    }
    for (const { labels, value } of sums.values()) report(labels, value)
  }
}

/** Keeps metrics in this process: for snapshots, and for whoever writes them out. Memory follows the number of label sets. */
export class MetricRegistry implements Metrics {
  readonly #families = new Map<string, MetricFamily>()
  readonly #clock: Clock
  #timer: Timer | null = null
  #tickedAt: number
  #windowAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#tickedAt = this.#windowAt = clock.now()
  }

  /** Begins to keep rates, and percentiles of what is recent. Until `stop` a timer runs. */
  start(): void {
    this.#tickedAt = this.#windowAt = this.#clock.now()
    this.#timer ??= this.#clock.every(RATE_INTERVAL_MS, () => this.#tick())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  histogram(metric: Metric, labels: MetricLabels): Histogram {
    const { histograms } = this.#family(metric)
    const key = keyOf(labels)
    let series = histograms.get(key)
    if (series === undefined) {
      const values = new LogHistogram()
      series = { labels, values, rates: new MovingRates(0), windowStart: emptyHistogram, lastStart: emptyHistogram }
      histograms.set(key, series)
    }
    return series.values
  }

  sampled(metric: Metric, read: (report: ReportValue) => void): () => void {
    const { readers } = this.#family(metric)
    readers.add(read)
    return () => void readers.delete(read)
  }

  /** In the order in which they were first told of. */
  families(): Iterable<Family> {
    return this.#families.values()
  }

  family(name: string): Family | undefined {
    return this.#families.get(name)
  }

  snapshot(): MetricsSnapshot {
    const series: Series[] = []
    for (const family of this.#families.values()) {
      const { metric, histograms, rates } = family
      const { name } = metric
      family.read((labels, value) => {
        if (metric.type === 'gauge') series.push({ name, type: 'gauge', labels, value })
        else series.push({ name, type: 'counter', labels, value, rates: (rates.get(keyOf(labels)) ?? NONE).rates })
      })
      for (const each of histograms.values()) series.push(histogramSeries(name, each))
    }
    return { takenAt: this.#clock.wallTime(), series }
  }

  #family(metric: Metric): MetricFamily {
    let family = this.#families.get(metric.name)
    if (family === undefined) {
      family = new MetricFamily(metric)
      this.#families.set(metric.name, family)
    }
    return family
  }

  #tick(): void {
    const now = this.#clock.now()
    const seconds = (now - this.#tickedAt) / 1_000
    this.#tickedAt = now
    if (seconds <= 0) return
    const newWindow = now - this.#windowAt >= WINDOW_MS
    if (newWindow) this.#windowAt = now
    for (const family of this.#families.values()) {
      if (family.metric.type === 'counter') this.#tickCounter(family, seconds)
      for (const series of family.histograms.values()) {
        series.rates.tick(series.values.count, seconds)
        if (!newWindow) continue
        series.lastStart = series.windowStart
        series.windowStart = series.values.copy()
      }
    }
  }

  /** Series that are not told of any more are forgotten. */
  #tickCounter(family: MetricFamily, seconds: number): void {
    const before = family.rates
    family.rates = new Map()
    family.read((labels, value) => {
      const key = keyOf(labels)
      const known = before.get(key)
      const rates = known ?? new MovingRates(value)
      if (known !== undefined) rates.tick(value, seconds)
      family.rates.set(key, rates)
    })
  }
}

const NONE = new MovingRates(0)

function histogramSeries(name: string, { labels, values, rates, lastStart }: HistogramSeries): Series {
  const { count, sum, max } = values
  return {
    name,
    type: 'histogram',
    labels,
    count,
    sum,
    max,
    mean: count === 0 ? null : sum / count,
    rates: rates.rates,
    percentiles: percentiles(values, lastStart),
  }
}

function percentiles(values: LogHistogram, since: LogHistogram): Percentiles | null {
  if (values.count === since.count) return null
  const [p50 = 0, p75 = 0, p95 = 0, p99 = 0, p999 = 0] = values.quantiles(QUANTILES, since)
  return { p50, p75, p95, p99, p999 }
}

function keyOf(labels: MetricLabels): string {
  return JSON.stringify(Object.values(labels))
}
