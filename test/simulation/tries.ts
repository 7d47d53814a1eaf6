import type { Decision, FailureReason } from '../../src/work/failure.ts'
import type { RouteScenario } from './scenario.ts'

/** How an attempt ended that did not succeed. */
export type Failing = 'error' | 'poison' | { readonly afterMs: number }

/**
 * How often one message was tried, when it may be again, and what is to become of it: what `attempts`, `backoff`, `redeliverMs`, `Retry` and
 * `Poison` promise.
 */
export class Tries {
  attempts: number
  /** So many count for an owner that comes after; 0: it begins anew there. Null: that is not seen. */
  counted: number | null
  /** By which decision it is not done; one that was left counts until it is handled again. */
  undone: 'leave' | 'hold' | null = null
  /** The user's answer for it, or the one there is for all. */
  answer: Decision | null = null
  readonly #route: RouteScenario
  readonly #before: number
  /** Whether each of its attempts is seen: of what could not be decoded in time nothing is. */
  readonly #seen: boolean
  readonly #violated: (what: string) => void
  #notBefore = Number.NEGATIVE_INFINITY
  /** It is not to be tried again before something is decided. */
  #spent = false
  /** It may wait behind one that is held: nothing need be decided about it before it is tried. */
  waits = false
  /** It could not be decoded when it was last tried. */
  #undecoded = false

  /** `before`: attempts that owners before made. */
  constructor(route: RouteScenario, before: number, violated: (what: string) => void) {
    this.#route = route
    this.#before = before
    this.attempts = before
    // Those of a batch begin anew behind one that is held.
    this.#seen = !route.decodes && route.batch === null
    this.counted = this.#seen ? before : null
    this.#violated = violated
  }

  /** Whether it is left or held, and not due yet. */
  rests(now: number): boolean {
    return this.undone !== null && now < this.#notBefore
  }

  entered(attempt: number, now: number): void {
    const { attempts, batch } = this.#route
    if (this.#spent && !this.waits) this.#violated('is tried again, and nothing was decided about it')
    if (now < this.#notBefore) this.#violated(`is tried again ${this.#notBefore - now} ms too early`)
    if (attempt > Math.max(attempts, this.#before + 1) && this.undone !== 'hold' && batch === null)
      this.#violated(`has its attempt ${attempt} of ${attempts}`)
    if (this.#seen ? attempt !== this.attempts + 1 : batch === null && attempt <= this.attempts) {
      this.#violated(`has its attempt ${attempt} after ${this.attempts}`)
    }
    this.attempts = attempt
    this.#spent = this.waits = false
    this.#undecoded = false
    if (this.undone === 'leave') this.undone = null
  }

  /** `alone`: it was no batch of several, which is split and tried at once. */
  failed(how: Failing, now: number, leaving: boolean, alone: boolean): void {
    const { attempts } = this.#route
    this.tried(leaving)
    const last = how === 'poison' || this.attempts >= attempts || this.undone === 'hold'
    this.#spent = last && alone
    if (!last) this.#notBefore = now + (typeof how === 'object' ? how.afterMs : this.#backoff)
  }

  /** An attempt ended without success, or was given up. */
  tried(leaving: boolean): void {
    this.#count(this.attempts)
    // Whether it ended because its partition is given up is not seen.
    if (leaving) this.counted = null
  }

  undecoded(): void {
    this.#undecoded = true
  }

  /** The user is asked what becomes of it: its attempts are spent. */
  checkEnd(reason: FailureReason): void {
    if (reason === 'decode') {
      if (!this.#undecoded) this.#violated('failed to be decoded, and was not')
    } else if (reason !== 'abandoned' && !this.#spent && !this.#route.decodes) {
      this.#violated(`was decided about after ${this.attempts} attempts`)
    }
  }

  /** `leaving`: its partition is given up, so that it comes again elsewhere. */
  decided(decision: Decision, now: number, leaving: boolean): void {
    const { backoff, redeliverMs } = this.#route
    this.#spent = this.waits = this.#undecoded = false
    if (decision === 'leave' || decision === 'stop') this.#count(0)
    if (leaving || (decision !== 'leave' && decision !== 'hold')) return
    this.undone = decision
    this.#notBefore = now + (decision === 'leave' ? redeliverMs : backoff.maxMs)
    if (decision === 'leave') this.attempts = 0
  }

  /** Another one of its batch is held: if they share a lane it waits behind that, and is tried as if it came now. */
  mayWait(): void {
    if (this.undone === null) this.waits = this.#spent
  }

  #count(attempts: number): void {
    this.counted = this.#seen ? attempts : null
  }

  /** The least of it. */
  get #backoff(): number {
    const { minMs, maxMs } = this.#route.backoff
    return minMs === maxMs ? maxMs : 0.8 * Math.min(maxMs, minMs * 2 ** (this.attempts - 1))
  }
}
