import type { Clock } from '../../src/base/clock.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import { Seats } from '../../src/work/seats.ts'
import type { Dice } from './dice.ts'

/** What runs in a thread. */
interface Running {
  /** It was left to itself. */
  readonly isStuck: () => boolean
  readonly fail: (error: Error) => void
}

export interface ThreadsParts {
  readonly count: number
  readonly dice: Dice
  readonly clock: Clock
  readonly violated: (what: string) => void
}

/** Threads as a pool of them is seen from outside: each runs one handler, which fails when it dies, and another takes its place. */
export class SimulatedThreads {
  readonly seats = new Seats<AnyMessage>()
  readonly #parts: ThreadsParts
  readonly #running = new Set<Running>()
  #alive: number

  constructor(parts: ThreadsParts) {
    this.#parts = parts
    this.#alive = parts.count
    this.seats.resize(parts.count)
  }

  /** Something runs in one of them; answers how it ends by itself, and how it takes its thread with it. */
  run(isStuck: () => boolean, fail: (error: Error) => void): { readonly end: () => void; readonly die: () => void } {
    const running = { isStuck, fail }
    this.#running.add(running)
    const count = [...this.#running].filter(each => !each.isStuck()).length
    if (count > this.#alive) this.#parts.violated(`${count} handlers run in ${this.#alive} threads`)
    return { end: () => void this.#running.delete(running), die: () => this.#die(running) }
  }

  #die(running: Running): void {
    const { dice, clock } = this.#parts
    if (!this.#running.has(running)) return
    this.#resize(-1)
    running.fail(new Error('its thread died'))
    clock.after(dice.int(0, 100), () => this.#resize(1))
  }

  #resize(by: number): void {
    this.#alive += by
    this.seats.resize(by)
  }
}
