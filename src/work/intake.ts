import type { WorkClaim, WorkMessage } from './claim.ts'
import type { Deadlines } from './deadlines.ts'
import type { EndReason } from './drain.ts'
import type { Route } from './route.ts'
import type { Slot } from './slot.ts'

/**
 * What the dispatcher keeps of one claim. `kept` bounds how far it looks ahead in a partition: it counts the messages that
 * were taken and do not run: parked, collected, ready or waiting. So one hot key stops its partition only.
 */
export class Intake<M extends WorkMessage> {
  readonly claim: WorkClaim<M>
  readonly route: Route<M>
  /** Running slots of the route, shared by all its claims. */
  readonly deadlines: Deadlines<M>
  /** Seed of this claim's key hashes: equal keys of two topics shall not wait for each other. */
  readonly seed: number
  /** Its one lane, when the whole partition is one. */
  readonly lane: number
  readonly lookahead: number
  /** Handlers that run, and decisions about failures that are awaited. */
  running = 0
  kept = 0
  /** Messages that were left or are held. */
  undone = 0
  /** Left or held after their handler was abandoned: they are not tried again in this process. */
  readonly shelf = new Set<Slot<M>>()
  /** Nothing is started any more: it drains, or has ended. */
  stopped = false
  /** Why the signals of its handlers were aborted: one that runs at that moment may not be in `deadlines` yet. */
  aborted: EndReason | null = null
  /** Whether the dispatcher looks at it. */
  active = false
  /** The batch that is being filled. */
  collecting: Slot<M> | null = null
  collectedBytes = 0
  /** Called when nothing runs any more; only of a stopped intake, so once. */
  idle: (() => void) | null = null
  #readyFirst: Slot<M> | null = null
  #readyLast: Slot<M> | null = null

  constructor(
    claim: WorkClaim<M>,
    route: Route<M>,
    deadlines: Deadlines<M>,
    seed: number,
    lane: number,
    lookahead: number,
  ) {
    this.claim = claim
    this.route = route
    this.deadlines = deadlines
    this.seed = seed
    this.lane = lane
    this.lookahead = lookahead
  }

  pushReady(slot: Slot<M>): void {
    slot.after = null
    if (this.#readyLast === null) this.#readyFirst = slot
    else this.#readyLast.after = slot
    this.#readyLast = slot
  }

  shiftReady(): Slot<M> | null {
    const slot = this.#readyFirst
    if (slot === null) return null
    this.#readyFirst = slot.after
    if (this.#readyFirst === null) this.#readyLast = null
    slot.after = null
    return slot
  }
}
