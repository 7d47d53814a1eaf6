import type { Clock, Timer } from '../../src/base/clock.ts'
import type { Dice } from './dice.ts'

interface Entry {
  at: number
  readonly everyMs: number
  readonly fn: () => void
  cancelled: boolean
}

/**
 * Virtual time whose order is left to chance wherever the real one promises none: of all timers that are due, and the oldest of
 * what waits for the next turn, any may be next. Time moves on when nothing is due.
 */
export class SimulatedClock implements Clock {
  readonly #dice: Dice
  #now = 0
  /** A heap by due time. */
  readonly #heap: Entry[] = []
  readonly #due: Entry[] = []
  #soon: (() => void)[] = []
  #soonAt = 0

  constructor(dice: Dice) {
    this.#dice = dice
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return 1_700_000_000_000 + Math.floor(this.#now)
  }

  after(ms: number, fn: () => void): Timer {
    return this.#add(ms, 0, fn)
  }

  every(ms: number, fn: () => void): Timer {
    return this.#add(ms, Math.max(1, ms), fn)
  }

  soon(fn: () => void): void {
    this.#soon.push(fn)
  }

  /** Time goes by while nothing runs. */
  skip(ms: number): void {
    this.#now += ms
  }

  /** Runs one thing that may happen next. */
  step(): void {
    this.#collect()
    while (this.#due.length === 0 && this.#soonAt === this.#soon.length) {
      const next = this.#heap[0]
      if (next === undefined) return
      this.#now = Math.max(this.#now, next.at)
      this.#collect()
    }
    const choice = this.#dice.int(this.#soonAt < this.#soon.length ? -1 : 0, this.#due.length - 1)
    if (choice === -1) this.#runSoon()
    else this.#runDue(choice)
  }

  #runSoon(): void {
    const fn = this.#soon[this.#soonAt++]
    if (this.#soonAt === this.#soon.length) {
      this.#soon = []
      this.#soonAt = 0
    }
    fn?.()
  }

  #runDue(choice: number): void {
    const entry = this.#due[choice] as Entry
    const last = this.#due.pop() as Entry
    if (last !== entry) this.#due[choice] = last
    if (entry.cancelled) return
    if (entry.everyMs > 0) this.#push(entry, this.#now + entry.everyMs)
    entry.fn()
  }

  #collect(): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= this.#now; next = this.#heap[0]) {
      this.#pop()
      if (!next.cancelled) this.#due.push(next)
    }
  }

  #add(ms: number, everyMs: number, fn: () => void): Timer {
    const entry = { at: 0, everyMs, fn, cancelled: false }
    this.#push(entry, this.#now + Math.max(0, ms))
    return {
      cancel: () => {
        entry.cancelled = true
      },
    }
  }

  #push(entry: Entry, at: number): void {
    entry.at = at
    const heap = this.#heap
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent] as Entry
      if (above.at <= at) break
      heap[index] = above
      index = parent
    }
    heap[index] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Entry).at < (heap[child] as Entry).at) child++
      if ((heap[child] as Entry).at >= last.at) break
      heap[index] = heap[child] as Entry
      index = child
    }
    heap[index] = last
  }
}

/** The clock of one process: when the process is killed, nothing that it set happens any more. */
export class ProcessClock implements Clock {
  readonly #clock: SimulatedClock
  #dead = false
  readonly #timers = new Set<Timer>()

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  wallTime(): number {
    return this.#clock.wallTime()
  }

  after(ms: number, fn: () => void): Timer {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(handle)
      fn()
    })
    const handle = this.#handle(timer)
    return handle
  }

  every(ms: number, fn: () => void): Timer {
    return this.#handle(this.#clock.every(ms, fn))
  }

  soon(fn: () => void): void {
    this.#clock.soon(() => {
      if (!this.#dead) fn()
    })
  }

  /** Timers that were set and neither fired nor were cancelled. */
  get timers(): number {
    return this.#timers.size
  }

  kill(): void {
    this.#dead = true
    for (const timer of this.#timers) timer.cancel()
  }

  #handle(timer: Timer): Timer {
    const handle = {
      cancel: () => {
        timer.cancel()
        this.#timers.delete(handle)
      },
    }
    if (this.#dead) timer.cancel()
    else this.#timers.add(handle)
    return handle
  }
}
