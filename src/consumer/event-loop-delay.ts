import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock, Timer } from '../base/clock.ts'
import type { ReportValue } from '../base/metrics.ts'

const WINDOW_MS = 10_000
const RESOLUTION_MS = 10
const QUANTILES = [0.5, 0.99, 1]
const NANOSECONDS = 1e9

/** How late the event loop is, of the last ten seconds: whoever looks sees the same, however often. */
export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: Timer
  #last: readonly number[] | null = null

  constructor(clock: Clock) {
    this.#histogram.enable()
    this.#timer = clock.every(WINDOW_MS, () => {
      this.#last = this.#seconds()
      this.#histogram.reset()
    })
  }

  /** In the first ten seconds, of what there was so far. */
  read(report: ReportValue): void {
    const seconds = this.#last ?? this.#seconds()
    for (const [at, quantile] of QUANTILES.entries()) report({ quantile: String(quantile) }, seconds[at] ?? 0)
  }

  close(): void {
    this.#timer.cancel()
    this.#histogram.disable()
  }

  /** The histogram measures how far apart its own timer's calls are: the resolution when nothing is late. */
  #seconds(): number[] {
    const { count } = this.#histogram
    return QUANTILES.map(quantile => {
      const value = count === 0 ? 0 : this.#histogram.percentile(quantile * 100)
      return Math.max(0, value / NANOSECONDS - RESOLUTION_MS / 1_000)
    })
  }
}
