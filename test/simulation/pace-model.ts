import type { Clock } from '../../src/base/clock.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { Rate } from '../../src/work/rate.ts'
import type { RouteScenario } from './scenario.ts'

/** Moments are sums of fractions. */
const ROUNDING = 1e-6
/** So many messages of one priority may be started before those below it have a turn. */
const STREAK = 16

export interface PaceParts {
  readonly clock: Clock
  readonly routes: readonly RouteScenario[]
  /** Whether a message of this route could be started now, for sure. */
  readonly startable: (route: number) => boolean
  readonly violated: (what: string) => void
}

/** When messages of one process may be started: no more than their rates allow, and the more urgent ones first. */
export class PaceModel {
  readonly #parts: PaceParts
  readonly #ofRoutes: readonly (Tokens | null)[]
  readonly #ofKeys: readonly Map<string, Tokens>[]
  /** Messages of each route that were started since one that is less urgent was. */
  readonly #streaks: number[]

  constructor(parts: PaceParts) {
    const { routes } = parts
    this.#parts = parts
    this.#ofRoutes = routes.map(({ rate }) => rate && new Tokens(rate))
    this.#ofKeys = routes.map(() => new Map())
    this.#streaks = routes.map(() => 0)
  }

  /** An attempt is made on these, together. */
  started(route: number, messages: readonly AnyMessage[]): void {
    this.#checkPriorities(route)
    const { rate, keyRate } = this.#parts.routes[route] as RouteScenario
    this.#check(this.#ofRoutes[route] ?? null, messages.length, () => `of its route, ${JSON.stringify(rate)}`)
    if (keyRate === null) return
    for (const { rawKey } of messages) {
      if (rawKey === null) continue
      const tokens = this.#ofKey(route, keyRate, String(rawKey))
      this.#check(tokens, 1, () => `of its key ${rawKey}, ${JSON.stringify(keyRate)}`)
    }
  }

  #check(tokens: Tokens | null, count: number, what: () => string): void {
    const { clock, violated } = this.#parts
    if (tokens !== null && !tokens.take(count, clock.now())) violated(`a message is started before the rate ${what()}`)
  }

  #checkPriorities(route: number): void {
    const { routes, startable, violated } = this.#parts
    const { priority } = routes[route] as RouteScenario
    for (const [other, { priority: others }] of routes.entries()) {
      if (others <= priority) continue
      const streak = this.#streaks[other] as number
      this.#streaks[other] = 0
      if (streak < STREAK && startable(other))
        violated(`one of priority ${priority} is started before one of ${others}`)
    }
    this.#streaks[route] = (this.#streaks[route] as number) + 1
  }

  #ofKey(route: number, rate: Rate, key: string): Tokens {
    const all = this.#ofKeys[route] as Map<string, Tokens>
    const known = all.get(key)
    if (known !== undefined) return known
    const made = new Tokens(rate)
    all.set(key, made)
    return made
  }
}

/** What a rate has left: full at first, and filled as time goes by. */
class Tokens {
  readonly #rate: Rate
  #left: number
  #at = 0

  constructor(rate: Rate) {
    this.#rate = rate
    this.#left = rate.burst
  }

  /** Takes so many; answers whether there was one. */
  take(count: number, now: number): boolean {
    const { messages, perMs, burst } = this.#rate
    this.#left = Math.min(burst, this.#left + ((now - this.#at) * messages) / perMs)
    this.#at = now
    const enough = this.#left >= 1 - ROUNDING
    this.#left -= count
    return enough
  }
}
