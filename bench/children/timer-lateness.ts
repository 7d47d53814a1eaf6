import type { Lateness } from '../measurement.ts'

const INTERVAL_MS = 10

/** How late a timer of 10 ms fires: what heartbeats and sockets of the same process would see. */
export class TimerLateness {
  readonly #late: number[] = []
  #timer: NodeJS.Timeout | undefined
  #due = 0

  start(): void {
    this.#due = performance.now() + INTERVAL_MS
    this.#timer = setTimeout(this.#fire, INTERVAL_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
    // One that is overdue would otherwise hide the longest block of all.
    const late = performance.now() - this.#due
    if (late > 0) this.#late.push(late)
  }

  result(): Lateness {
    const sorted = this.#late.toSorted((a, b) => a - b)
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
    return { samples: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
  }

  readonly #fire = () => {
    const now = performance.now()
    this.#late.push(now - this.#due)
    this.#due = now + INTERVAL_MS
    this.#timer = setTimeout(this.#fire, INTERVAL_MS)
  }
}
