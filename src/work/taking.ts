import type { WorkClaim, WorkMessage } from './claim.ts'
import type { Gathering } from './gathering.ts'
import type { Intake } from './intake.ts'
import type { Lanes } from './lanes.ts'
import { isMixed, type Mixing } from './mixing.ts'
import type { Pace } from './pace.ts'
import type { Rotation } from './rotation.ts'
import type { SingleRoute } from './route.ts'
import type { Settling } from './settling.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'

/** Messages taken in one go without one that may start: large batches fill over several turns of the event loop. */
const MOST_TAKEN = 2_048

/** A message that was just taken and starts at once: nobody is ahead of it, and it has no slot. */
export interface Fresh<M extends WorkMessage> {
  readonly intake: Intake<M>
  readonly route: SingleRoute<M>
  readonly message: M
  /** In its claim's progress. */
  readonly place: number
  readonly lane: number
}

interface TakingParts<M extends WorkMessage> {
  /** Handlers of one partition at the same time. */
  readonly perPartition: number
  /** Messages of one partition that may be left or held before it pauses. */
  readonly maxUndone: number
  readonly pace: Pace
  readonly rotation: Rotation<M>
  readonly lanes: Lanes<M>
  readonly slots: SlotPool<M>
  readonly settling: Settling<M>
  readonly gathering: Gathering<M>
  readonly mixing: Mixing<M>
}

/** Takes messages out of the claims, in turn, and queues those that may not start yet. It starts none itself, and so is under no handler's stack. */
export class Taking<M extends WorkMessage> {
  readonly #parts: TakingParts<M>
  readonly #perPartition: number
  readonly #rotation: Rotation<M>
  readonly #lanes: Lanes<M>
  readonly #gathering: Gathering<M>
  /** The one there is, so that a message costs none of its own. */
  readonly #fresh: { -readonly [Field in keyof Fresh<M>]: Fresh<M>[Field] | undefined } = {
    intake: undefined,
    route: undefined,
    message: undefined,
    place: 0,
    lane: NO_LANE,
  }
  /** Whether `#takeFrom` gave up although its claim has more. */
  #more = false

  constructor(parts: TakingParts<M>) {
    this.#parts = parts
    this.#perPartition = parts.perPartition
    this.#rotation = parts.rotation
    this.#lanes = parts.lanes
    this.#gathering = parts.gathering
  }

  /** The message, or batch, whose turn it is to start; null when there is none now. Its fields are those of the next one later. */
  next(): Slot<M> | Fresh<M> | null {
    for (let intake = this.#rotation.current; intake !== undefined; intake = this.#rotation.current) {
      const next = this.#takeFrom(intake)
      const { seats } = intake
      if (next !== null) {
        this.#rotation.started()
        // Those that need a seat have a message each.
        if (seats !== null) this.#rotation.pass()
        return next
      }
      seats?.passed(intake)
      if (this.#more) {
        this.#more = false
        this.#rotation.pass()
        this.#parts.pace.soon()
        return null
      }
      this.#rotation.retire()
    }
    // The bytes of the last message are not kept until there is another.
    this.#fresh.message = undefined
    return null
  }

  #mayStart(intake: Intake<M>): boolean {
    return intake.running < this.#perPartition && intake.claim.dispatchable
  }

  /** The same of one claim. */
  #takeFrom(intake: Intake<M>): Slot<M> | Fresh<M> | null {
    const { claim, throttle } = intake
    if (!this.#mayStart(intake)) {
      if (intake.hasReady && isMixed(intake)) this.#parts.mixing.giveWay(intake)
      return null
    }
    if (intake.seats !== null && !intake.seats.offers(intake)) return null
    for (let taken = 0; ; taken++) {
      if (throttle?.holds(intake)) return null
      const ready = intake.shiftReady()
      if (ready !== null) {
        if (this.#starts(intake, ready)) return ready
        continue
      }
      if (intake.stopped || intake.undone >= this.#parts.maxUndone) return null
      if (intake.kept >= intake.lookahead) {
        if (this.#gathering.hurry(intake)) continue
        return null
      }
      if (taken === MOST_TAKEN) {
        this.#more = true
        return null
      }
      const message = claim.take()
      this.#more = message === null && claim.passing
      if (message === null) return null
      const fresh = this.#admit(intake, claim, message)
      if (fresh !== null) return fresh
    }
  }

  /** Whether what was ready starts now; if not, it is given up, or waits for the rate of its key. */
  #starts(intake: Intake<M>, ready: Slot<M>): boolean {
    if (intake.stopped && !intake.finishes(ready)) {
      this.#parts.settling.giveUp(ready)
      intake.tellIdle()
      return false
    }
    if (isMixed(intake)) this.#parts.mixing.withoutBlocked(ready, each => this.#mayStart(each))
    return intake.throttle === null || intake.throttle.admits(ready)
  }

  /** A message that was just taken starts at once, or is queued: null. */
  #admit(intake: Intake<M>, claim: WorkClaim<M>, message: M): Fresh<M> | null {
    const { route } = intake
    const place = claim.track(message)
    const lane =
      route.order === 'key' ? message.keyHash(intake.seed) : route.order === 'partition' ? intake.lane : NO_LANE
    if (route.batch !== null) {
      this.#gathering.admit(intake, route, message, place, lane)
      return null
    }
    if (route.keyRate !== null || (lane !== NO_LANE && !this.#lanes.isFree(lane))) {
      this.#queue(intake, message, place, lane)
      return null
    }
    intake.throttle?.take(1)
    const fresh = this.#fresh
    fresh.intake = intake
    fresh.route = route
    fresh.message = message
    fresh.place = place
    fresh.lane = lane
    // All of it was filled just now.
    return fresh as Fresh<M>
  }

  #queue(intake: Intake<M>, message: M, place: number, lane: number): void {
    const { slots, settling } = this.#parts
    intake.kept++
    const slot = slots.take(intake, message, place, lane, intake.claim.tried(message))
    slot.state = SlotState.parked
    // Unless others of its lane are ahead, the rate of its key decides.
    if (lane === NO_LANE || this.#lanes.enter(slot) === null) settling.takeTurn(slot)
  }
}
