import { createHistogram } from 'node:perf_hooks'

/** Milliseconds, within a thousandth. All 0 when there were none. */
export interface LatencySummary {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** How long things took. */
export class Latencies {
  readonly #histogram = createHistogram()

  record(ms: number): void {
    // A histogram begins at 1.
    this.#histogram.record(Math.max(1, Math.round(ms * 1_000)))
  }

  summary(): LatencySummary {
    const at = (percent: number) => (this.#histogram.count === 0 ? 0 : this.#histogram.percentile(percent) / 1_000)
    return { p50: at(50), p95: at(95), p99: at(99), p999: at(99.9), max: at(100) }
  }
}
