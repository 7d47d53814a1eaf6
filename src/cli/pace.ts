import { type Clock, sleep } from '../base/clock.ts'

/** Holds whoever asks to a rate, evenly: time that was lost before is not made up for by a burst, but for a little. */
export class Pace {
  readonly #intervalMs: number
  readonly #catchUpMs: number
  readonly #clock: Clock
  /** When the next one is due. */
  #due: number | null = null

  constructor(perSecond: number, catchUpMs: number, clock: Clock) {
    this.#intervalMs = 1_000 / perSecond
    this.#catchUpMs = catchUpMs
    this.#clock = clock
  }

  /** Resolves with how many of so many are due, once one is. Rejects when the signal aborts. */
  async take(most: number, signal: AbortSignal): Promise<number> {
    let now = this.#clock.now()
    this.#due = Math.max(this.#due ?? now, now - this.#catchUpMs)
    if (this.#due > now) {
      await sleep(this.#clock, this.#due - now, signal)
      now = Math.max(this.#clock.now(), this.#due)
    }
    const count = Math.min(most, Math.floor((now - this.#due) / this.#intervalMs) + 1)
    this.#due += count * this.#intervalMs
    return count
  }
}
