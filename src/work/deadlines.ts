import type { WorkMessage } from './claim.ts'
import { HandlerTimeout } from './failure.ts'
import type { Slot } from './slot.ts'

/** Slots in the order of their deadlines, oldest first. */
class DeadlineList<M extends WorkMessage> {
  oldest: Slot<M> | null = null
  newest: Slot<M> | null = null

  add(slot: Slot<M>, deadline: number): void {
    slot.deadline = deadline
    slot.after = null
    slot.before = this.newest
    if (this.newest === null) this.oldest = slot
    else this.newest.after = slot
    this.newest = slot
  }

  remove(slot: Slot<M>): void {
    if (slot.before === null) this.oldest = slot.after
    else slot.before.after = slot.after
    if (slot.after === null) this.newest = slot.before
    else slot.after.before = slot.before
    slot.before = slot.after = null
  }
}

/**
 * The running slots of one route. Its timeout is the same for all, so the order in which they start is the order of their
 * deadlines, and no timer per message is needed: `expire` looks at the oldest. The same holds for those that outlived their
 * timeout and have `abandonMs` left.
 */
export class Deadlines<M extends WorkMessage> {
  readonly #timeoutMs: number
  readonly #abandonMs: number
  readonly #timedOut: (message: M) => void
  readonly #running = new DeadlineList<M>()
  readonly #expired = new DeadlineList<M>()

  constructor(timeoutMs: number, abandonMs: number, timedOut: (message: M) => void) {
    this.#timeoutMs = timeoutMs
    this.#abandonMs = abandonMs
    this.#timedOut = timedOut
  }

  /** Of a slot that starts now. */
  deadline(now: number): number {
    return now + this.#timeoutMs
  }

  add(slot: Slot<M>, now: number): void {
    slot.timedOut = false
    this.#running.add(slot, this.deadline(now))
  }

  remove(slot: Slot<M>): void {
    if (slot.timedOut) this.#expired.remove(slot)
    else this.#running.remove(slot)
  }

  /** Aborts the signals of those that outlived their timeout; answers one that outlived `abandonMs` too, or null. */
  expire(now: number): Slot<M> | null {
    for (let slot = this.#running.oldest; slot !== null && slot.deadline <= now; slot = this.#running.oldest) {
      this.#running.remove(slot)
      slot.timedOut = true
      this.#expired.add(slot, now + this.#abandonMs)
      slot.attempt?.abort(new HandlerTimeout(slot.message, this.#timeoutMs))
      this.#timedOut(slot.message)
    }
    const slot = this.#expired.oldest
    return slot !== null && slot.deadline <= now ? slot : null
  }

  /**
   * The event loop stood still from `since` to `now`, so the clock that gave these slots their start may have been behind:
   * they begin now.
   */
  restart(since: number, now: number): void {
    const startedAfter = since + this.#timeoutMs
    for (let slot = this.#running.newest; slot !== null && slot.deadline >= startedAfter; slot = slot.before) {
      slot.deadline = now + this.#timeoutMs
    }
  }

  /** When this slot's handler was entered, to some milliseconds. */
  startOf(slot: Slot<M>): number {
    return slot.deadline - this.#timeoutMs - (slot.timedOut ? this.#abandonMs : 0)
  }

  /** Every running slot, expired or not. */
  *[Symbol.iterator](): Generator<Slot<M>> {
    for (const list of [this.#running, this.#expired]) {
      for (let slot = list.oldest; slot !== null; ) {
        const next = slot.after
        yield slot
        slot = next
      }
    }
  }
}
