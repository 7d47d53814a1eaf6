import type { WorkClaim, WorkMessage } from './claim.ts'
import type { Deadlines } from './deadlines.ts'
import type { EndReason } from './drain.ts'
import type { Filling } from './gathering.ts'
import type { Route } from './route.ts'
import type { Seats } from './seats.ts'
import { type Loose, NO_LANE, type Slot } from './slot.ts'
import type { Throttle } from './throttle.ts'

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
  /** Null: its handlers need none. */
  readonly seats: Seats<M> | null
  /** Null: its route has no rate. */
  readonly throttle: Throttle<M> | null
  /** Handlers that run, and decisions about failures that are awaited. */
  running = 0
  kept = 0
  /** Of those, how many wait for the rate of their key. */
  paced = 0
  /** Messages that were left or are held. */
  undone = 0
  /** Left or held after their handler was abandoned: they are not tried again in this process. */
  readonly shelf = new Set<Slot<M>>()
  /** Nothing more is taken: it drains, or has ended. */
  stopped = false
  /** Highest offset that was started; -1: none. */
  started = -1
  /** How often something was started that had waited, a batch included. */
  restarts = 0
  /**
   * Once it is stopped: what was taken is started below this offset only. Above it nothing is done, or something below it has to come
   * again, so that what follows comes again with it.
   */
  finishBelow = -1
  /** Lowest offset that comes again whatever is done behind it, as `'stop'` decides; Infinity: there is none. */
  comesAgain = Number.POSITIVE_INFINITY
  /** Until when a drain waits, by the clock; what is due later is not waited for. */
  drainUntil = Number.NEGATIVE_INFINITY
  /** Why the signals of its handlers were aborted: one that runs at that moment may not be in `deadlines` yet. */
  aborted: EndReason | null = null
  /** Whether the dispatcher looks at it. */
  active = false
  /** The batches that are being filled; shared by all claims of a route whose batches mix them. */
  readonly filling: Filling<M>
  /** Its messages in `filling.leader` that have no slot. */
  loose: Loose<M> | null = null
  /** Called when it is drained; only of a stopped intake, so once. */
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
    filling: Filling<M>,
    throttle: Throttle<M> | null,
  ) {
    this.claim = claim
    this.route = route
    this.deadlines = deadlines
    this.seed = seed
    this.lane = lane
    this.lookahead = lookahead
    this.seats = route.seats ?? null
    this.filling = filling
    this.throttle = throttle
  }

  /** Whether nothing runs, nor is to be finished. */
  get drained(): boolean {
    const { live, lowest } = this.claim
    return this.running === 0 && (!live || lowest === -1 || lowest >= this.finishBelow)
  }

  /** Tells who waits for it, once it is drained. */
  tellIdle(): void {
    const { idle } = this
    if (idle === null || !this.drained) return
    this.idle = null
    idle()
  }

  /** What was taken and does not run comes again. */
  finishNothing(): void {
    this.finishBelow = -1
    this.tellIdle()
  }

  /** Nothing of it is started any more. */
  end(): void {
    this.throttle?.forget(this)
    this.claim.stopped(this.started)
    this.tellIdle()
  }

  /** Whether a slot, or something of its batch, is to be started although it drains. */
  finishes({ message, members, loose }: Slot<M>): boolean {
    const isBelow = ({ offset }: M) => offset < this.finishBelow
    const some =
      isBelow(message) ||
      members?.some(member => isBelow(member.message)) ||
      loose?.some(({ messages }) => messages.some(isBelow))
    return some === true && (members === null || !this.#overtakes(members))
  }

  /** Whether members that would be finished, as others of their lane stand behind them that are to be, come after one that comes again. */
  #overtakes(members: readonly Slot<M>[]): boolean {
    const lanes = new Set<number>()
    for (const { lane, message } of members.toReversed()) {
      if (lane === NO_LANE) continue
      if (message.offset < this.finishBelow) lanes.add(lane)
      else if (message.offset > this.comesAgain && lanes.has(lane)) return true
    }
    return false
  }

  /** The message comes again, and with it all that follow it. */
  giveUpFrom(offset: number): void {
    if (offset < this.comesAgain) this.comesAgain = offset
    if (offset < this.finishBelow) this.finishBelow = offset
  }

  get hasReady(): boolean {
    return this.#readyFirst !== null
  }

  pushReady(slot: Slot<M>): void {
    slot.after = null
    if (this.#readyLast === null) this.#readyFirst = slot
    else this.#readyLast.after = slot
    this.#readyLast = slot
  }

  /** In front of all others. */
  unshiftReady(slot: Slot<M>): void {
    slot.after = this.#readyFirst
    this.#readyFirst = slot
    this.#readyLast ??= slot
  }

  /** All that is ready, taken out. */
  takeReady(): Slot<M>[] {
    const ready: Slot<M>[] = []
    for (let slot = this.shiftReady(); slot !== null; slot = this.shiftReady()) ready.push(slot)
    return ready
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
