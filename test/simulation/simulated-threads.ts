import type { Dice } from './dice.ts'

/** Worker threads as handlers see them: what runs in one fails when it dies, at whatever moment that is, and another takes its place. */
export class SimulatedThreads {
  readonly #dice: Dice
  readonly #threads: Set<(error: Error) => void>[]

  constructor(count: number, dice: Dice) {
    this.#dice = dice
    this.#threads = Array.from({ length: count }, () => new Set())
  }

  /** Something runs in one of them; answers how it ends by itself, and how it takes its thread with it. */
  run(fail: (error: Error) => void): { readonly end: () => void; readonly die: () => void } {
    if (this.#threads.length === 0) return { end: () => {}, die: () => fail(new Error('died')) }
    const thread = this.#dice.pick(this.#threads)
    thread.add(fail)
    const die = () => {
      const running = [...thread]
      thread.clear()
      for (const each of running) each(new Error('its thread died'))
    }
    return { end: () => void thread.delete(fail), die }
  }
}
