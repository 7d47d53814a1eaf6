import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'

/**
 * Places for the handlers of some routes, beside `concurrency`: for handlers that run in threads, one for each thread that is ready. So what
 * waits for a thread waits where all messages do, without a timeout that runs. Claims take turns, a message each.
 */
export class Seats<M extends WorkMessage = WorkMessage> {
  #places = 0
  #taken = 0
  /** Those that wait for one, or may have a use for another; whose turn it is comes first. */
  readonly #queue = new Set<Intake<M>>()
  #call: (intake: Intake<M>) => void = () => {}

  /** Who is told that a claim may look again. */
  onCall(call: (intake: Intake<M>) => void): void {
    this.#call = call
  }

  /** There are more of them now, or fewer: who has one keeps it. */
  resize(by: number): void {
    this.#places += by
    this.#offer()
  }

  /** Whether one is free; if not, the claim waits for its turn. */
  offers(intake: Intake<M>): boolean {
    if (this.#taken < this.#places) return true
    this.#queue.add(intake)
    return false
  }

  take(intake: Intake<M>): void {
    this.#taken++
    this.#queue.delete(intake)
  }

  /** `again`: the claim may have a use for another. */
  leave(intake: Intake<M>, again: boolean): void {
    this.#taken--
    if (again) this.#queue.add(intake)
    this.#offer()
  }

  /** The claim took none: if one was free, it has no use for it. */
  passed(intake: Intake<M>): void {
    if (this.#taken >= this.#places) return
    this.#queue.delete(intake)
    this.#offer()
  }

  #offer(): void {
    let free = this.#places - this.#taken
    for (const intake of this.#queue) {
      if (free-- <= 0) return
      this.#call(intake)
    }
  }
}
