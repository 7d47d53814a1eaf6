import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'

/** How many messages of one partition are started before it is the next one's turn. */
const TURN = 16

/** The intakes that may have something to start, each in its turn. */
export class Rotation<M extends WorkMessage> {
  readonly #active: Intake<M>[] = []
  #cursor = 0
  #turn = 0

  add(intake: Intake<M>): void {
    if (intake.active) return
    intake.active = true
    this.#active.push(intake)
  }

  /** Whose turn it is; undefined when there is none. */
  get current(): Intake<M> | undefined {
    if (this.#cursor >= this.#active.length) this.#cursor = 0
    return this.#active[this.#cursor]
  }

  /** The current one started a message. */
  started(): void {
    if (++this.#turn >= TURN) this.pass()
  }

  /** It is the next one's turn. */
  pass(): void {
    this.#turn = 0
    this.#cursor++
  }

  /** The current one has nothing to start, until it is added again. */
  retire(): void {
    this.#turn = 0
    const last = this.#active.pop()
    const retired = this.#active[this.#cursor]
    if (last !== undefined && retired !== undefined) this.#active[this.#cursor] = last
    const gone = retired ?? last
    if (gone !== undefined) gone.active = false
  }
}
