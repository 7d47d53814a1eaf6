import type { Clock } from '../base/clock.ts'

/** How long one turn of the event loop may go to starting handlers. */
const TURN_MS = 2
/** A clock read costs as much as a quick handler: quick ones are looked at in groups of up to this many. */
const STRIDE = 16
/** A sync handler that takes this long is named. */
const BLOCKED_MS = 100
/** After the event loop was blocked, each handler is timed by itself for this long, to find the culprit. */
const WATCH_MS = 30_000

/**
 * Gives way: starting handlers stops after two milliseconds of one turn of the event loop, so that sockets and timers have
 * theirs, also when every handler settles at once. Keeps the time for everyone in work: `now` is at most one group of
 * handlers or one tick old.
 */
export class Pace {
  now = 0
  /** The same, rounded up. */
  wholeMs = 0
  /** Handlers between two looks at the clock. */
  stride = 1
  /** How long the handlers since the look before blocked the event loop, when that was too long; else 0. */
  blockedMs = 0
  /** How many handlers those were. */
  blockedAmong = 1
  readonly #clock: Clock
  readonly #pump: () => void
  readonly #looked: ((now: number) => void) | null
  readonly #ticked: ((now: number) => void) | null
  /** Whether the event loop has turned since `now` was read, if somebody wants to know. */
  #turned = false
  #turning = false
  #turnStart: number
  #lastTick: number
  #countdown = 1
  /** Looks in a row that found nothing slow. */
  #quick = 0
  #watchUntil = 0
  /** Whether time passed elsewhere since `now` was read. */
  #stale = false
  #yielding = false
  #scheduled = false
  #closed = false

  /**
   * `looked` is told of each look at the clock; one is taken in each turn of the event loop before handlers are started. `ticked` is told
   * of each tick.
   */
  constructor(clock: Clock, pump: () => void, looked?: (now: number) => void, ticked?: (now: number) => void) {
    this.#clock = clock
    this.#pump = pump
    this.#looked = looked ?? null
    this.#ticked = ticked ?? null
    this.#turnStart = this.#lastTick = this.#look()
  }

  /** Whether handlers may be started now; if not, `pump` is called when it is time again. */
  enter(): boolean {
    if (this.#yielding) return false
    if (this.stride === 1 || this.#turned) this.#look()
    else this.#stale = true
    return true
  }

  /** Called after each handler was entered; true: this turn's time is over, and `pump` is called in the next. */
  over(): boolean {
    if (--this.#countdown > 0) return false
    const before = this.now
    this.#look()
    if (!this.#stale) this.#adapt(this.now - before)
    this.#stale = false
    this.#countdown = this.stride
    if (this.now - this.#turnStart <= TURN_MS) return false
    this.#yielding = true
    this.soon()
    return true
  }

  /** `pump` is called in the next turn. */
  soon(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    this.#clock.soon(this.#next)
  }

  /** Called every `everyMs`; answers since when the event loop stood still if it did, else null. */
  tick(everyMs: number): number | null {
    const last = this.#lastTick
    this.#lastTick = this.#look()
    this.#ticked?.(this.now)
    if (this.now - last < everyMs + BLOCKED_MS) return null
    this.stride = this.#countdown = 1
    this.#watchUntil = this.now + WATCH_MS
    return last
  }

  close(): void {
    this.#closed = true
  }

  readonly #next = (): void => {
    this.#scheduled = this.#yielding = false
    if (this.#closed) return
    this.#turnStart = this.#look()
    this.#pump()
  }

  #look(): number {
    this.now = this.#clock.now()
    this.wholeMs = Math.ceil(this.now)
    if (this.#looked !== null) {
      this.#looked(this.now)
      this.#watchTurn()
    }
    return this.now
  }

  /** Between two turns the process may have been stopped, for as long as it may be. */
  #watchTurn(): void {
    this.#turned = false
    if (this.#turning || this.#closed) return
    this.#turning = true
    this.#clock.soon(() => {
      this.#turning = false
      this.#turned = true
    })
  }

  #adapt(spentMs: number): void {
    this.blockedMs = spentMs >= BLOCKED_MS ? spentMs : 0
    this.blockedAmong = this.stride
    if (spentMs > TURN_MS / 2) {
      this.stride = 1
      this.#quick = 0
    } else if (++this.#quick >= 2 * STRIDE && this.now >= this.#watchUntil && this.stride < STRIDE) {
      this.stride *= 2
      this.#quick = 0
    }
  }
}
