import { type Clock, longestTimerMs, type Timer } from '../base/clock.ts'
import { batchSize } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'
import { isMixed } from './mixing.ts'
import { KeyRates, TokenBucket } from './rate.ts'
import type { Route } from './route.ts'
import type { Settling } from './settling.ts'
import { type Slot, SlotState } from './slot.ts'
import type { Waiting } from './waiting.ts'

export interface ThrottleParts<M extends WorkMessage> {
  readonly clock: Clock
  readonly waiting: Waiting<M>
  readonly settling: Settling<M>
  /** An intake was held, and may have something to start now. */
  readonly released: (intake: Intake<M>) => void
}

/**
 * Keeps a route to its rates. Intakes that wait for that of the route have one timer together; a message that waits for that of its key
 * keeps its lane, as one does that waits for its next attempt.
 */
export class Throttle<M extends WorkMessage> {
  readonly #parts: ThrottleParts<M>
  readonly #route: TokenBucket | null
  readonly #keys: KeyRates<M> | null
  /** Intakes that are held, in the order of their turns: one of which something is started comes last again. */
  readonly #held = new Set<Intake<M>>()
  #timer: Timer | null = null

  /** `seed`: of the hashes of keys. */
  constructor({ rate, keyRate }: Route<M>, seed: number, parts: ThrottleParts<M>) {
    this.#parts = parts
    this.#route = rate && new TokenBucket(rate)
    this.#keys = keyRate && new KeyRates(keyRate, seed)
  }

  /** When the rate of the route lets the next message start, by the clock, if this intake waits for that; else null. */
  heldUntil(intake: Intake<M>): number | null {
    // Batches that mix partitions are held with the one that leads them.
    const held = isMixed(intake) ? this.#held.size > 0 : this.#held.has(intake)
    if (this.#route === null || !held) return null
    const { readyAt } = this.#route
    return readyAt > this.#parts.clock.now() ? readyAt : null
  }

  /** Whether the rate of the route lets nothing of this intake start now; then it is released when it does. */
  holds(intake: Intake<M>): boolean {
    // Taking fills a batch, and starts none.
    const takes = !intake.stopped && intake.route.batch === null
    if (this.#route === null || !(takes || intake.hasReady)) return false
    const { clock } = this.#parts
    const inMs = this.#route.readyAt - clock.now()
    if (inMs <= 0) {
      this.#held.delete(intake)
      return false
    }
    if (intake.stopped && this.#route.readyAt > intake.drainUntil) {
      intake.finishNothing()
      return false
    }
    this.#held.add(intake)
    this.#timer ??= clock.after(Math.min(longestTimerMs, Math.ceil(inMs)), () => this.#release())
    return true
  }

  /** So many messages start now, which were not held, and have no rate of their keys. */
  take(count: number): void {
    this.#route?.take(count, this.#parts.clock.now())
  }

  /** Whether a slot that is ready, and not held, starts now. If not, the rate of its key lets it wait, or it is given up. */
  admits(slot: Slot<M>): boolean {
    const { clock, waiting, settling } = this.#parts
    const { intake, message } = slot
    const now = clock.now()
    const until = this.#keys === null ? 0 : this.#keys.take(message, now, slot.state !== SlotState.paced)
    if (until === 0) {
      this.#route?.take(batchSize(slot), now)
      return true
    }
    slot.state = SlotState.paced
    intake.paced++
    if (intake.stopped && until > intake.drainUntil) {
      this.waited(slot)
      settling.giveUp(slot)
      intake.tellIdle()
    } else {
      // For as long as a handler may take, its batch is kept, as it is for one that runs.
      if (until - now > intake.route.timeoutMs) intake.claim.detach(message)
      waiting.add(slot, until)
    }
    return false
  }

  /** A slot that waited for the rate of its key does so no longer. */
  waited({ intake, message }: Slot<M>): void {
    intake.paced--
    this.#keys?.waited(message)
  }

  /** Nothing of this intake is started any more. */
  forget(intake: Intake<M>): void {
    this.#held.delete(intake)
  }

  close(): void {
    this.#timer?.cancel()
  }

  #release(): void {
    this.#timer = null
    for (const intake of this.#held) this.#parts.released(intake)
  }
}
