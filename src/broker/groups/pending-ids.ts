import type { Clock, Timer } from '../../base/clock.ts'
import { type Allowance, entryCost, textCost } from './allowance.ts'

/** Member ids that were given out and have not joined yet; each for as long as the session it asked for. */
export class PendingIds {
  readonly #clock: Clock
  readonly #allowance: Allowance
  readonly #missed: (id: string) => void
  readonly #timers = new Map<string, Timer>()

  /** `missed` is told when one did not come; it is forgotten by then. */
  constructor(clock: Clock, allowance: Allowance, missed: () => void) {
    this.#clock = clock
    this.#allowance = allowance
    this.#missed = id => {
      this.delete(id)
      missed()
    }
  }

  get size(): number {
    return this.#timers.size
  }

  has(id: string): boolean {
    return this.#timers.has(id)
  }

  add(id: string, ms: number): void {
    this.#timers.set(
      id,
      this.#clock.after(ms, () => this.#missed(id)),
    )
    this.#allowance.charge(cost(id))
  }

  delete(id: string): boolean {
    const timer = this.#timers.get(id)
    if (timer === undefined) return false
    timer.cancel()
    this.#timers.delete(id)
    this.#allowance.charge(-cost(id))
    return true
  }

  clear(): void {
    for (const id of this.#timers.keys()) this.delete(id)
  }
}

function cost(id: string): number {
  return entryCost + textCost(id)
}
