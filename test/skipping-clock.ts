import { type Clock, systemClock, type Timer } from '../src/base/clock.ts'

interface Due {
  readonly at: number
  readonly fn: () => void
  readonly timer: Timer
}

/** The real time, and more of it where a test skips some: single timers that fall due by that fire at once, in their order. */
export class SkippingClock implements Clock {
  readonly #waiting = new Set<Due>()
  readonly every = systemClock.every
  readonly soon = systemClock.soon
  #skipped = 0

  now(): number {
    return systemClock.now() + this.#skipped
  }

  wallTime(): number {
    return systemClock.wallTime() + this.#skipped
  }

  after(ms: number, fn: () => void): Timer {
    const timer = systemClock.after(ms, () => this.#fire(due))
    const due: Due = { at: this.now() + ms, fn, timer }
    this.#waiting.add(due)
    return { cancel: () => this.#drop(due) }
  }

  skip(ms: number): void {
    this.#skipped += ms
    const now = this.now()
    const due = [...this.#waiting].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
    for (const each of due) this.#fire(each)
  }

  #fire(due: Due): void {
    if (this.#drop(due)) due.fn()
  }

  #drop(due: Due): boolean {
    due.timer.cancel()
    return this.#waiting.delete(due)
  }
}
