import type { Clock, Timer } from './clock.ts'

interface Due {
  at: number
  readonly everyMs: number
  readonly fn: () => void
  cancelled: boolean
  /** Whether it is among the timers: not any more once it has fired for the last time. */
  set: boolean
}

/** Lets everything that promises have under way settle: all microtasks, and one turn of the real event loop. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/**
 * Time that only moves when a test moves it; a new one stands at the present, as Kafka refuses messages that are an hour ahead of its
 * clock. Timers fire in the order of their due times, those of the same time in the order they were set; what `soon` was given runs
 * when no timer is due any more, as `setImmediate` does.
 */
export class HeldClock implements Clock {
  #now: number
  readonly #wallOffset: number
  /** The next one due is last. */
  #timers: Due[] = []
  #soon: (() => void)[] = []
  #cancelled = 0

  constructor(now = 0, wallTime = Date.now()) {
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
    return this.#timers.length - this.#cancelled
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
    else next.set = false
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
    const due = { at: 0, everyMs, fn, cancelled: false, set: true }
    this.#insert(due, this.#now + Math.max(0, ms))
    return {
      cancel: () => this.#cancel(due),
    }
  }

  /** Cancelled timers are taken out once they are most: time may stand still for ever while timers are set and cancelled. */
  #cancel(due: Due): void {
    if (due.cancelled || !due.set) return
    due.cancelled = true
    this.#cancelled++
    if (this.#cancelled * 2 <= this.#timers.length) return
    this.#timers = this.#timers.filter(each => !each.cancelled)
    this.#cancelled = 0
  }

  #next(): Due | undefined {
    while (this.#timers.at(-1)?.cancelled) {
      this.#timers.pop()
      this.#cancelled--
    }
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
