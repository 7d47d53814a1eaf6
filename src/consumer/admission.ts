import type { Clock, Timer } from '../base/clock.ts'
import type { AnyMessage } from './claim.ts'

/** Whether the next message of a claim may be handed out; asked each time that work asks for it, until it may. */
export interface Admission {
  admits(message: AnyMessage): boolean
}

/** When messages are to be handled. */
export interface Due {
  /** Ms since 1970. */
  readonly at: (message: AnyMessage) => number
  readonly clock: Clock
}

const LOOK_AGAIN_MS = 60_000

/** Messages are handed out when they are due. */
export class DueTime implements Admission {
  readonly #due: Due
  readonly #look: () => void
  #timer: Timer | null = null
  #next: number | null = null

  /** `look`: the next message may be due by now. */
  constructor(due: Due, look: () => void) {
    this.#due = due
    this.#look = look
  }

  /** When the next message is to be handled, ms since 1970; null: as soon as it can be. */
  get next(): number | null {
    return this.#next
  }

  admits(message: AnyMessage): boolean {
    const { at, clock } = this.#due
    const dueAt = at(message)
    const inMs = dueAt - clock.wallTime()
    this.end()
    if (inMs <= 0) return true
    this.#next = dueAt
    // A clock that is set meanwhile is looked at again.
    this.#timer = clock.after(Math.min(inMs, LOOK_AGAIN_MS), this.#look)
    return false
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#next = null
  }
}
