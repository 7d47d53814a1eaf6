import type { Clock } from '../base/clock.ts'
import type { Claim } from './claim.ts'

/** What shows that a partition goes on: when all are the same, nothing was handed out. */
export interface Movement {
  /** Behind, with something that no handler has. */
  readonly behind: boolean
  /** Highest offset handed out, how often something was that had waited, and how far all is done. */
  readonly marks: readonly [started: number, restarts: number, done: number]
}

export interface StallWatchParts {
  readonly clock: Clock
  readonly stallAfterMs: number
  readonly claims: Iterable<Claim>
  readonly movement: (claim: Claim) => Movement
  readonly stalled: (claim: Claim, afterMs: number) => void
  readonly wentOn: (claim: Claim) => void
}

interface Watched {
  marks: Movement['marks']
  /** How long it has stood still, as far as this process ran. */
  idleMs: number
  /** Ms since 1970; null: it is not stalled. */
  stalledSince: number | null
}

/** Looks in the time after which a partition is stalled. */
const LOOKS = 30

/** Looks for partitions that are behind and of which nothing has been handed to a handler for too long. */
export class StallWatch {
  readonly #parts: StallWatchParts
  readonly #watched = new WeakMap<Claim, Watched>()
  readonly #everyMs: number
  #lookedAt: number

  constructor(parts: StallWatchParts) {
    this.#parts = parts
    const { clock, stallAfterMs } = parts
    this.#everyMs = stallAfterMs / LOOKS
    this.#lookedAt = clock.now()
  }

  /** Since when nothing of it was handed out, ms since 1970; null: it is not stalled. */
  stalledSince(claim: Claim): number | null {
    return this.#watched.get(claim)?.stalledSince ?? null
  }

  /** Called often: a look is taken every so often. */
  tick(now: number): void {
    if (now - this.#lookedAt < this.#everyMs) return
    // While the process was stopped, or blocked, nothing could be handed out.
    const passedMs = Math.min(now - this.#lookedAt, 2 * this.#everyMs)
    this.#lookedAt = now
    for (const claim of this.#parts.claims) this.#lookAt(claim, passedMs)
  }

  #lookAt(claim: Claim, passedMs: number): void {
    const { clock, stallAfterMs, movement, stalled, wentOn } = this.#parts
    const { behind, marks } = movement(claim)
    const watched = this.#watched.get(claim)
    if (watched === undefined) {
      this.#watched.set(claim, { marks, idleMs: 0, stalledSince: null })
      return
    }
    const moved = marks.some((mark, at) => mark !== watched.marks[at])
    watched.marks = marks
    if (moved || !behind) {
      const was = watched.stalledSince !== null
      watched.idleMs = 0
      watched.stalledSince = null
      if (was) wentOn(claim)
      return
    }
    watched.idleMs += passedMs
    if (watched.idleMs < stallAfterMs || watched.stalledSince !== null) return
    watched.stalledSince = Math.round(clock.wallTime() - watched.idleMs)
    stalled(claim, watched.idleMs)
  }
}
