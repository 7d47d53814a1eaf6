import type { Clock } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { sharesOf } from './batches.ts'
import type { Burst } from './burst.ts'
import type { WorkClaim, WorkMessage } from './claim.ts'
import { Attempt, type AttemptEnvironment } from './context.ts'
import { Deadlines } from './deadlines.ts'
import { endReason } from './drain.ts'
import type { WorkEvents } from './events.ts'
import { HandlerAbandoned } from './failure.ts'
import type { Failures } from './failures.ts'
import type { Intake } from './intake.ts'
import { longestRunning, type RunningHandler } from './intake-state.ts'
import { handleLater, invoke, promised, type Scope } from './invocation.ts'
import type { Lanes } from './lanes.ts'
import type { Pace } from './pace.ts'
import type { Rotation } from './rotation.ts'
import type { Route } from './route.ts'
import type { Settling } from './settling.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
import type { Fresh } from './taking.ts'
import type { VerdictsParts } from './verdicts.ts'

export interface HandlersParts<M extends WorkMessage> {
  clock: Clock
  logger: Logger
  events: WorkEvents<M>
  /** Where handlers are entered. */
  scope: Scope
  pace: Pace
  burst: Burst
  lanes: Lanes<M>
  slots: SlotPool<M>
  settling: Settling<M>
  failures: Failures<M>
  rotation: Rotation<M>
  maxAbandoned: number
  stop(error: Error): void
}

/** The handlers that run: enters them, and follows each until it settles or is left to itself. What is taken, and when, is not decided here. */
export class Handlers<M extends WorkMessage> {
  /** Those that run, and decisions about failures that are awaited: units of concurrency that are taken. */
  running = 0
  /** Those that were left to themselves and have not settled since. */
  abandoned = 0
  readonly #environment: AttemptEnvironment
  readonly #events: WorkEvents<M>
  readonly #scope: Scope
  readonly #pace: Pace
  readonly #burst: Burst
  readonly #lanes: Lanes<M>
  readonly #slots: SlotPool<M>
  readonly #settling: Settling<M>
  readonly #failures: Failures<M>
  readonly #rotation: Rotation<M>
  readonly #maxAbandoned: number
  readonly #stop: (error: Error) => void
  readonly #deadlines = new Map<Route<M>, Deadlines<M>>()
  readonly #verdicts: VerdictsParts<M>

  constructor(parts: HandlersParts<M>) {
    const { clock, logger } = parts
    this.#environment = { clock, logger }
    this.#events = parts.events
    this.#scope = parts.scope
    this.#pace = parts.pace
    this.#burst = parts.burst
    this.#lanes = parts.lanes
    this.#slots = parts.slots
    this.#settling = parts.settling
    this.#failures = parts.failures
    this.#rotation = parts.rotation
    this.#maxAbandoned = parts.maxAbandoned
    this.#stop = parts.stop
    this.#verdicts = { slots: parts.slots, done: slot => parts.settling.settle(slot) }
  }

  /** What runs of a route, in the order of its deadlines. */
  deadlines(route: Route<M>): Deadlines<M> {
    const known = this.#deadlines.get(route)
    if (known !== undefined) return known
    const made = new Deadlines<M>(route.timeoutMs, route.abandonMs, message => this.#events.timedOut(message))
    this.#deadlines.set(route, made)
    return made
  }

  /** The one that has run longest: of this claim, or of all. */
  longest(claim: WorkClaim<M> | null): RunningHandler | null {
    return longestRunning(this.#deadlines.values(), claim)
  }

  /**
   * Enters the handler of a message that nobody is ahead of. It gets a slot, its lane and a deadline only if the handler goes on
   * when it returns: for one that is done by then, nobody would look at them.
   */
  startFresh({ intake, route, message, place, lane }: Fresh<M>): void {
    const { claim, deadlines } = intake
    this.running++
    intake.running++
    intake.seats?.take(intake)
    // It was taken just now, so it is the highest.
    intake.started = message.offset
    const deadline = deadlines.deadline(this.#pace.wholeMs)
    const attempt = new Attempt(message, claim.tried(message) + 1, deadline, this.#environment)
    let slot: Slot<M> | null = null
    let pending: Promise<unknown> | null = null
    let decoded = false
    try {
      const decoding = route.decode === null ? undefined : route.decode(message)
      if (decoding === undefined) {
        decoded = true
        pending = promised(this.#scope.runInAsyncScope(route.handle, undefined, message, attempt))
      } else {
        slot = this.#runningSlot(intake, message, place, lane, attempt)
        pending = handleLater(decoding, slot, route, attempt, this.#scope)
      }
    } catch (error) {
      slot = this.#runningSlot(intake, message, place, lane, attempt)
      slot.decoded = decoded
      this.#failures.failed(slot, toError(error))
      return
    }
    if (pending === null) {
      if (claim.live) claim.settle(place, message)
      this.finished(intake)
      return
    }
    slot ??= this.#runningSlot(intake, message, place, lane, attempt)
    slot.decoded = decoded
    pending.then(slot.resolved, slot.rejected)
  }

  #runningSlot(intake: Intake<M>, message: M, place: number, lane: number, attempt: Attempt): Slot<M> {
    const slot = this.#slots.take(intake, message, place, lane, attempt.attempt)
    if (lane !== NO_LANE) this.#lanes.enterFree(slot)
    slot.state = SlotState.running
    slot.attempt = attempt
    intake.deadlines.add(slot, this.#pace.wholeMs)
    if (intake.aborted !== null) attempt.abort(endReason(intake.aborted, message))
    return slot
  }

  /** Enters the handler of a message that waited, or of a batch. */
  start(slot: Slot<M>): void {
    const { intake } = slot
    slot.state = SlotState.running
    slot.attempts++
    this.running++
    if (slot.members === null) entered(intake, 1, slot.message.offset)
    else this.#enterBatch(slot)
    intake.deadlines.add(slot, this.#pace.wholeMs)
    const attempt = new Attempt(slot.message, slot.attempts, slot.deadline, this.#environment)
    slot.attempt = attempt
    let pending: Promise<unknown> | null = null
    try {
      pending = promised(invoke(slot, attempt, this.#scope, this.#verdicts))
    } catch (error) {
      this.#failures.failed(slot, toError(error))
      return
    }
    if (pending === null) this.#succeeded(slot)
    else pending.then(slot.resolved, slot.rejected)
  }

  #enterBatch(leader: Slot<M>): void {
    leader.partners = null
    for (const { intake, messages, highest } of sharesOf(leader)) {
      entered(intake, messages, highest)
      if (intake === leader.intake) continue
      if (leader.partners === null) leader.partners = [intake]
      else leader.partners.push(intake)
    }
  }

  /** A slot's handler resolved. */
  resolved(slot: Slot<M>): void {
    if (slot.abandoned) this.abandoned--
    else this.#succeeded(slot)
  }

  /** A slot's handler rejected. */
  rejected(slot: Slot<M>, error: unknown): void {
    if (slot.abandoned) this.abandoned--
    else this.#failures.failed(slot, toError(error))
  }

  #succeeded(slot: Slot<M>): void {
    if (slot.members !== null) {
      this.#succeededTogether(slot, slot.members)
      return
    }
    const { intake } = slot
    intake.deadlines.remove(slot)
    this.#settling.done(slot)
    this.finished(intake)
  }

  #succeededTogether(leader: Slot<M>, members: readonly Slot<M>[]): void {
    const { intake, partners, verdicts } = leader
    verdicts?.end()
    if (verdicts?.said != null) {
      this.#failures.ended(leader, null)
      return
    }
    intake.deadlines.remove(leader)
    for (const loose of leader.loose ?? []) this.#settling.settleLoose(loose)
    for (const member of members) this.#settling.done(member)
    if (partners !== null) {
      this.part(partners.length)
      for (const partner of partners) this.finished(partner)
    }
    this.finished(intake)
  }

  /** The unit of concurrency of a batch becomes one for each of its partitions, as each ends what it has of it. */
  part(partners: number): void {
    this.running += partners
  }

  /** A unit of concurrency is free again. */
  finished(intake: Intake<M>): void {
    this.running--
    this.#burst.settled()
    if (--intake.running === 0) intake.tellIdle()
    const again = !intake.stopped || intake.hasReady
    if (intake.seats !== null) intake.seats.leave(intake, again)
    else if (again) this.#rotation.add(intake)
  }

  /**
   * Aborts the signals of those that outlived their timeout, and leaves those to themselves that outlived it for too long. Answers whether
   * there were any of these. `stalledSince`: since when the event loop stood still, if it did.
   */
  expire(stalledSince: number | null): boolean {
    const { now } = this.#pace
    let left = false
    for (const deadlines of this.#deadlines.values()) {
      // Handlers whose answers queued up behind a blocked event loop get a turn to settle first.
      if (stalledSince !== null) {
        deadlines.restart(stalledSince, now)
        continue
      }
      for (let slot = deadlines.expire(now); slot !== null; slot = deadlines.expire(now)) {
        this.#abandon(slot)
        left = true
      }
    }
    return left
  }

  #abandon(slot: Slot<M>): void {
    const { attempt, intake } = slot
    const { route } = intake
    slot.abandoned = true
    this.abandoned++
    const error = new HandlerAbandoned(slot.message, route.timeoutMs + route.abandonMs)
    this.#events.stuck(slot.message, route.timeoutMs + route.abandonMs)
    this.#failures.failed(slot, error)
    attempt?.abandon(error)
    if (this.abandoned >= this.#maxAbandoned) this.#stop(error)
  }
}

/** Messages that were taken before are handed to a handler. */
function entered<M extends WorkMessage>(intake: Intake<M>, messages: number, highest: number): void {
  intake.kept -= messages
  intake.running++
  intake.seats?.take(intake)
  intake.restarts++
  if (highest > intake.started) intake.started = highest
}
