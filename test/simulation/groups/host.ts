import type { Clock, Timer } from '../../../src/base/clock.ts'
import type { SimulatedClock } from '../simulated-clock.ts'

/** Parts of a millisecond are not counted exactly. */
const TOLERANCE_MS = 1e-6

interface Entry {
  /** By the host's own monotonic clock. */
  due: number
  readonly everyMs: number
  readonly fn: () => void
  timer: Timer
  cancelled: boolean
}

/**
 * One process on a machine of its own, as far as time is concerned: it may be stopped for a while (SIGSTOP), its machine may sleep
 * (then its monotonic clock stands still, and its timers are later by as much), a handler may block it, somebody may set its wall
 * clock, and it may be killed. What falls due while it stands still happens when it goes on, in any order.
 */
export class Host {
  readonly #world: SimulatedClock
  #state: 'running' | 'stopped' | 'dead' = 'running'
  /** How much less its monotonic clock shows than the world's. */
  #behind = 0
  /** How much time a handler has used up that the world has yet to go through. */
  #ahead = 0
  #wallOffset = 0
  #missed: (() => void)[] = []
  /** When it last went on after a gap, by the world's clock. */
  wokeAt = Number.NEGATIVE_INFINITY

  constructor(world: SimulatedClock) {
    this.#world = world
  }

  /** One of several, so that the timers of each can be counted. */
  clock(): HostClock {
    return new HostClock(this, this.#world)
  }

  get running(): boolean {
    return this.#state === 'running'
  }

  get alive(): boolean {
    return this.#state !== 'dead'
  }

  /** How long what is done now happens after the world's present time, because a handler blocks. */
  get ahead(): number {
    return this.#ahead
  }

  now(): number {
    return this.#world.now() - this.#behind + this.#ahead
  }

  wallTime(): number {
    return this.#world.wallTime() + Math.floor(this.#ahead) + this.#wallOffset
  }

  /** World time from now until the host's clock shows this. */
  until(due: number): number {
    return due - (this.#world.now() - this.#behind)
  }

  setWallClock(byMs: number): void {
    this.#wallOffset += byMs
  }

  /** Nothing runs for so long. `asleep`: the machine sleeps. */
  stop(ms: number, asleep: boolean): void {
    if (this.#state !== 'running') return
    this.#state = 'stopped'
    this.#world.after(ms, () => {
      if (asleep) this.#behind += ms
      this.#resume()
    })
  }

  /** Called by code that runs in it: what it does from now on happens so much later, and nothing else meanwhile. */
  block(ms: number): void {
    if (this.#state === 'dead') return
    this.#state = 'stopped'
    this.#ahead += ms
    const until = this.#world.now() + this.#ahead
    this.wokeAt = until
    this.#world.after(this.#ahead, () => {
      if (this.#ahead === 0 || this.#world.now() + TOLERANCE_MS < until) return
      this.#ahead = 0
      this.#resume()
    })
  }

  kill(): void {
    this.#state = 'dead'
    this.#missed = []
  }

  /** Runs it in this process as soon as that may be. */
  run(fn: () => void): void {
    if (this.#state === 'running') fn()
    else if (this.#state === 'stopped') this.#missed.push(fn)
  }

  #resume(): void {
    if (this.#state === 'dead') return
    this.#state = 'running'
    this.wokeAt = this.#world.now()
    for (const fn of this.#missed.splice(0)) this.#world.after(0, () => this.run(fn))
  }
}

export class HostClock implements Clock {
  readonly #host: Host
  readonly #world: SimulatedClock
  readonly #entries = new Set<Entry>()

  constructor(host: Host, world: SimulatedClock) {
    this.#host = host
    this.#world = world
  }

  now(): number {
    return this.#host.now()
  }

  wallTime(): number {
    return this.#host.wallTime()
  }

  after(ms: number, fn: () => void): Timer {
    return this.#add(Math.max(0, ms), 0, fn)
  }

  every(ms: number, fn: () => void): Timer {
    return this.#add(ms, Math.max(1, ms), fn)
  }

  soon(fn: () => void): void {
    this.#world.soon(() => this.#host.run(fn))
  }

  /** Timers that were set and neither fired nor were cancelled. */
  get timers(): number {
    return this.#entries.size
  }

  #add(ms: number, everyMs: number, fn: () => void): Timer {
    const entry: Entry = { due: this.#host.now() + ms, everyMs, fn, cancelled: false, timer: { cancel: () => {} } }
    this.#entries.add(entry)
    this.#arm(entry)
    return {
      cancel: () => {
        entry.cancelled = true
        entry.timer.cancel()
        this.#entries.delete(entry)
      },
    }
  }

  #arm(entry: Entry): void {
    entry.timer = this.#world.after(this.#host.until(entry.due), () => this.#host.run(() => this.#fire(entry)))
  }

  #fire(entry: Entry): void {
    if (entry.cancelled) return
    const now = this.#host.now()
    if (entry.due > now + TOLERANCE_MS) {
      this.#arm(entry)
      return
    }
    if (entry.everyMs > 0) {
      entry.due = now + entry.everyMs
      this.#arm(entry)
    } else {
      this.#entries.delete(entry)
    }
    entry.fn()
  }
}
