import type { Clock } from '../../base/clock.ts'
import type { DispatchLease } from '../coordinator.ts'

/** Part of a timeout after which nothing is started any more: what is lost to the network and to clocks that drift. */
const MARGIN = 0.1
/** A gap in time from which on something may have happened meanwhile: the process was stopped, or the machine slept. */
const GAP_MS = 1_000

export interface LeaseParts {
  readonly clock: Clock
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly changed: (open: boolean) => void
  /** Whether it is still good has become doubtful: a heartbeat is needed at once. */
  readonly doubted: () => void
}

/**
 * Until when the group is sure to count this process as a member. It ends a margin before the session would, counted from when the last
 * acknowledged heartbeat was sent. It also ends a margin before a rebalance may have gone on without this member: heartbeats alone keep
 * nobody in the group who has not joined again in time. After a gap in time, only a heartbeat that was sent later opens it again.
 *
 * The monotonic clock stands still while a machine sleeps, so the wall clock is looked at too: where they differ, it may have slept, and
 * the wall clock may have been set meanwhile. A clock that was set costs a heartbeat and nothing else.
 */
export class Lease implements DispatchLease {
  readonly #parts: LeaseParts
  #open = false
  #expiresAt = Number.NEGATIVE_INFINITY
  /** When the last heartbeat that counts was sent. */
  #sentAt = Number.NEGATIVE_INFINITY
  /** A rebalance that this member has no part in began no earlier. */
  #settledAt = Number.NEGATIVE_INFINITY
  /** Heartbeats that were sent before do not count. */
  #notBefore = Number.NEGATIVE_INFINITY
  #lookedAt: number
  /** Wall clock less monotonic clock. */
  #offset: number
  #acknowledgedAt: number | null = null

  constructor(parts: LeaseParts) {
    this.#parts = parts
    const { clock } = parts
    this.#lookedAt = clock.now()
    this.#offset = clock.wallTime() - this.#lookedAt
  }

  get open(): boolean {
    return this.#open
  }

  /** When a heartbeat was last acknowledged, ms since 1970; null: not yet. */
  get acknowledgedAt(): number | null {
    return this.#acknowledgedAt
  }

  /** The group counts this process as a member; `sentAt`: when it was asked. `rebalancing`: it is to join again. */
  acknowledged(sentAt: number, rebalancing: boolean): void {
    const { clock, sessionTimeoutMs, rebalanceTimeoutMs } = this.#parts
    this.look(clock.now())
    if (sentAt < this.#notBefore) return
    this.#acknowledgedAt = clock.wallTime()
    this.#sentAt = Math.max(this.#sentAt, sentAt)
    if (!rebalancing) this.#settledAt = Math.max(this.#settledAt, sentAt)
    const until = Math.min(
      this.#sentAt + sessionTimeoutMs * (1 - MARGIN),
      this.#settledAt + rebalanceTimeoutMs * (1 - MARGIN),
    )
    this.#expiresAt = Math.max(this.#expiresAt, until)
    this.#update(clock.now())
  }

  /** The group answered to a join, which was sent at `sentAt`: the rebalance before is over. */
  joined(sentAt: number): void {
    this.look(this.#parts.clock.now())
    const askedAt = Math.max(this.#sentAt, sentAt)
    if (askedAt >= this.#notBefore) this.#settledAt = Math.max(this.#settledAt, askedAt)
  }

  look(now: number): void {
    const gap = now - this.#lookedAt
    const offset = this.#parts.clock.wallTime() - now
    const slept = gap > GAP_MS || Math.abs(offset - this.#offset) > GAP_MS
    this.#lookedAt = now
    this.#offset = offset
    if (slept) this.end()
    this.#update(now)
  }

  /** Nothing is started before the next heartbeat is acknowledged. */
  end(): void {
    const { clock, doubted } = this.#parts
    this.#notBefore = clock.now()
    // How long ago all that was is not known any more.
    this.#expiresAt = this.#sentAt = this.#settledAt = Number.NEGATIVE_INFINITY
    this.#update(this.#notBefore)
    doubted()
  }

  #update(now: number): void {
    const open = now < this.#expiresAt
    if (open === this.#open) return
    this.#open = open
    this.#parts.changed(open)
  }
}
