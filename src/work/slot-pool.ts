import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'
import { Slot, SlotState } from './slot.ts'

/** Slots that are not in use, so that a message costs no slot of its own. */
export class SlotPool<M extends WorkMessage> {
  readonly #resolved: (slot: Slot<M>) => void
  readonly #rejected: (slot: Slot<M>, error: unknown) => void
  #free: Slot<M> | null = null

  constructor(resolved: (slot: Slot<M>) => void, rejected: (slot: Slot<M>, error: unknown) => void) {
    this.#resolved = resolved
    this.#rejected = rejected
  }

  /** `attempts`: those that were made on the message. */
  take(intake: Intake<M>, message: M, place: number, lane: number, attempts: number): Slot<M> {
    const slot = this.#free ?? new Slot(this.#resolved, this.#rejected)
    this.#free = slot.bucketNext
    slot.bucketNext = null
    slot.message = message
    slot.intake = intake
    slot.place = place
    slot.lane = lane
    slot.attempts = attempts
    return slot
  }

  free(slot: Slot<M>): void {
    slot.state = SlotState.gone
    slot.members = slot.leader = slot.loose = slot.partners = slot.verdicts = null
    slot.attempt = null
    slot.left = false
    // An abandoned handler may still settle: its slot must never stand for another message.
    if (slot.abandoned) return
    // The next message overwrites this one; the pool must not keep its bytes until then.
    slot.message = undefined as unknown as M
    slot.bucketNext = this.#free
    this.#free = slot
  }
}
