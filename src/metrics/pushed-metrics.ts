import type { Clock, Timer } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Histogram, Metric, MetricLabels, Metrics, ReportValue } from '../base/metrics.ts'
import { emptyHistogram, type LogHistogram } from './log-histogram.ts'
import { MetricRegistry } from './registry.ts'

/** Metrics that are sent every so often, for as long as a consumer uses them. */
export interface PushingMetrics extends Metrics, AsyncDisposable {
  /** Sends what there is now. Resolves when it was sent, or given up: what is wrong is logged, and the next push comes. */
  flush(): Promise<void>
  /** Sends a last time and nothing any more. Resolves when no socket is left. */
  close(): Promise<void>
}

/** What is sent of a histogram, of the time since the push before. */
export interface IntervalOfHistogram {
  /** How many came in this time, and since the start. */
  readonly count: number
  readonly total: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** How lines are made, and how they are sent. */
export interface Wire {
  /** `delta`: how much a counter rose since the push before. */
  value(metric: Metric, labels: MetricLabels, value: number, delta: number): string
  histogram(metric: Metric, labels: MetricLabels, interval: IntervalOfHistogram): string[]
  /** Rejects when they could not be sent, after a bounded time. */
  send(lines: readonly string[]): Promise<void>
}

export interface PushedMetricsParts {
  readonly wire: Wire
  readonly intervalMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** Where they are sent to, for the log. */
  readonly target: string
}

/**
 * Keeps metrics and pushes them. It begins with the first consumer that uses it and ends, with a last push, when that of the last is
 * over; so nobody has to close it. One push at a time: while one is under way, another is left out, and the next tells of both.
 */
export class PushedMetrics implements PushingMetrics {
  readonly #parts: PushedMetricsParts
  readonly #registry: MetricRegistry
  #readers = 0
  #timer: Timer | null = null
  #pushing: Promise<void> | null = null
  /** Whether the last push failed. */
  #failing = false
  #closed = false
  /** What counters were, and histograms, when they were last sent; by name and labels. */
  #counts = new Map<string, number>()
  #histograms = new Map<string, LogHistogram>()

  constructor(parts: PushedMetricsParts) {
    this.#parts = parts
    this.#registry = new MetricRegistry(parts.clock)
  }

  histogram(metric: Metric, labels: MetricLabels): Histogram {
    return this.#registry.histogram(metric, labels)
  }

  sampled(metric: Metric, read: (report: ReportValue) => void): () => void {
    const { clock, intervalMs } = this.#parts
    const stop = this.#registry.sampled(metric, read)
    this.#readers++
    if (!this.#closed) this.#timer ??= clock.every(intervalMs, () => void this.flush())
    let stopped = false
    return () => {
      if (stopped) return
      stopped = true
      // The values of all are still there when the first of them ends, and so they are sent a last time.
      if (this.#timer !== null) void this.flush()
      this.#readers--
      stop()
      if (this.#readers > 0) return
      this.#timer?.cancel()
      this.#timer = null
    }
  }

  flush(): Promise<void> {
    this.#pushing ??= this.#push().finally(() => {
      this.#pushing = null
    })
    return this.#pushing
  }

  async close(): Promise<void> {
    if (this.#closed) return this.#pushing ?? undefined
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = null
    await this.#pushing
    await this.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #push(): Promise<void> {
    const { wire, logger, target } = this.#parts
    const counts = new Map<string, number>()
    const histograms = new Map<string, LogHistogram>()
    const lines = this.#lines(counts, histograms)
    if (lines.length === 0) return
    try {
      await wire.send(lines)
      this.#counts = counts
      this.#histograms = histograms
      if (this.#failing) logger.info({ target }, 'metrics are sent again')
      this.#failing = false
    } catch (thrown) {
      const error = toError(thrown)
      if (!this.#failing) logger.warn({ target, err: error }, `metrics cannot be sent to ${target}: ${error.message}`)
      this.#failing = true
    }
  }

  /** What is sent now; `counts` and `histograms` take what it tells, for the next push. */
  #lines(counts: Map<string, number>, histograms: Map<string, LogHistogram>): string[] {
    const { wire } = this.#parts
    const lines: string[] = []
    for (const family of this.#registry.families()) {
      const { metric } = family
      family.read((labels, value) => {
        const key = seriesName(metric, labels)
        counts.set(key, value)
        const before = this.#counts.get(key) ?? 0
        // A counter that fell is another consumer's, which began anew.
        lines.push(wire.value(metric, labels, value, value < before ? value : value - before))
      })
      for (const { labels, values } of family.histograms.values()) {
        const key = seriesName(metric, labels)
        histograms.set(key, values.copy())
        const interval = intervalOf(values, this.#histograms.get(key) ?? emptyHistogram)
        if (interval.count > 0) lines.push(...wire.histogram(metric, labels, interval))
      }
    }
    return lines
  }
}

function seriesName({ name }: Metric, labels: MetricLabels): string {
  return JSON.stringify([name, ...Object.values(labels)])
}

function intervalOf(values: LogHistogram, before: LogHistogram): IntervalOfHistogram {
  const count = values.count - before.count
  const [p50 = 0, p95 = 0, p99 = 0] = values.quantiles([0.5, 0.95, 0.99], before)
  return { count, total: values.count, mean: count === 0 ? 0 : (values.sum - before.sum) / count, p50, p95, p99 }
}
