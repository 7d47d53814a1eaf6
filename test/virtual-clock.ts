import type { Clock, Timer } from '../src/base/clock.ts'

interface Due {
  at: number
  readonly everyMs: number
  readonly fn: () => void
  cancelled: boolean
}

/** Lets everything that promises have under way settle: all microtasks, and one turn of the real event loop. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/**
 * Time that only moves when a test moves it. Timers fire in the order of their due times, those of the same time in the order
 * they were set; what `soon` was given runs when no timer is due any more, as `setImmediate` does.
 */
export class VirtualClock implements Clock {
  #now: number
  readonly #wallOffset: number
  /** The next one due is last. */
  #timers: Due[] = []
  #soon: (() => void)[] = []

  constructor(now = 0, wallTime = 1_700_000_000_000) {
    this.#now = now
    this.#wallOffset = wallTime - now
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallOffset + Math.floor(this.#now)
  }

  after(ms: number, fn: () => void): Timer {
    return this.#set(ms, 0, fn)
  }

  every(ms: number, fn: () => void): Timer {
    return this.#set(ms, Math.max(1, ms), fn)
  }

  soon(fn: () => void): void {
    this.#soon.push(fn)
  }

  /** Timers that were set and neither fired nor were cancelled: 0 after everything under test was closed. */
  get timers(): number {
    return this.#timers.reduce((count, due) => count + (due.cancelled ? 0 : 1), 0)
  }

  /** When the next timer is due (now, if something waits for its turn), or null when nothing will ever happen by itself. */
  get nextAt(): number | null {
    const next = this.#next()
    if (this.#soon.length > 0) return this.#now
    return next === undefined ? null : Math.max(next.at, this.#now)
  }

  /** Runs the one thing that comes next, moving time on to it; false when there is none. Promises are not waited for. */
  step(): boolean {
    const next = this.#next()
    if (this.#soon.length > 0 && (next === undefined || next.at > this.#now)) {
      this.#soon.shift()?.()
      return true
    }
    if (next === undefined) return false
    this.#timers.pop()
    this.#now = Math.max(this.#now, next.at)
    if (next.everyMs > 0) this.#insert(next, this.#now + next.everyMs)
    next.fn()
    return true
  }

  /** Moves time on by `ms`, running all that comes due and letting promises settle before, between and after. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let at = this.nextAt; at !== null && at <= end; at = this.nextAt) {
      this.step()
      await settled()
    }
    this.#now = Math.max(this.#now, end)
  }

  /** Time goes by while nothing runs: a blocked event loop, a stopped process, a sleeping laptop. */
  skip(ms: number): void {
    this.#now += ms
  }

  #set(ms: number, everyMs: number, fn: () => void): Timer {
    const due = { at: 0, everyMs, fn, cancelled: false }
    this.#insert(due, this.#now + Math.max(0, ms))
    return {
      cancel: () => {
        due.cancelled = true
      },
    }
  }

  #next(): Due | undefined {
    while (this.#timers.at(-1)?.cancelled) this.#timers.pop()
    return this.#timers.at(-1)
  }

  #insert(due: Due, at: number): void {
    due.at = at
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#timers[middle] as Due).at > at) low = middle + 1
      else high = middle
    }
    this.#timers.splice(low, 0, due)
  }
}
