import { AsyncResource } from 'node:async_hooks'
import type { Clock, Timer } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { Burst } from './burst.ts'
import type { WorkClaim, WorkMessage } from './claim.ts'
import { abortHandlers, type DrainParts, stopTaking, untilIdle } from './drain.ts'
import type { WorkEvents } from './events.ts'
import { Failures } from './failures.ts'
import { Gathering } from './gathering.ts'
import { Handlers } from './handlers.ts'
import { Intake } from './intake.ts'
import type { IntakeMarks, IntakeState, RunningHandler, TimedWaits } from './intake-state.ts'
import { intakeMarks, intakeState, timedWaits } from './intake-state.ts'
import { Lanes } from './lanes.ts'
import { Mixing } from './mixing.ts'
import { Pace } from './pace.ts'
import { Rotation } from './rotation.ts'
import type { Route } from './route.ts'
import { Settling } from './settling.ts'
import { NO_LANE, Slot, SlotState } from './slot.ts'
import { SlotPool } from './slot-pool.ts'
import { Taking } from './taking.ts'
import { Throttle, type ThrottleParts } from './throttle.ts'
import { Waiting } from './waiting.ts'

const TICK_MS = 50
/** Messages of one partition that may be taken before those in front of them are done. */
const LOOKAHEAD = 2_048

export interface DispatcherOptions {
  /** Handlers (or batches) at the same time, over all partitions. */
  concurrency: number
  /** Of one partition; Infinity: no cap. */
  perPartition: number
  maxAbandoned: number
  /** Messages of one partition that may be left or held before it pauses. */
  maxUndone: number
}

export interface DispatcherParts<M extends WorkMessage> {
  options: DispatcherOptions
  clock: Clock
  random: Random
  logger: Logger
  events: WorkEvents<M>
  /** Told each time that work looks at the clock, and always before it starts a handler in another turn of the event loop. */
  looked?: (now: number) => void
  /** Told every 50 ms, for what has no need of a timer of its own. */
  ticked?: (now: number) => void
}

export interface DrainOptions {
  drainMs: number
  abandonMs: number
  reason: 'revoked' | 'closing'
  hurry?: AbortSignal
}

/**
 * Takes messages out of the claims, as many at the same time as the options allow and in the order the route asks for, enters
 * their handlers, and settles what is done. It never waits for anything: handlers that settle are followed by the next.
 */
export class Dispatcher<M extends WorkMessage> {
  readonly #options: DispatcherOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #events: WorkEvents<M>
  readonly #lanes = new Lanes<M>()
  readonly #slots: SlotPool<M>
  readonly #waiting: Waiting<M>
  readonly #settling: Settling<M>
  readonly #gathering: Gathering<M>
  readonly #drains: DrainParts<M>
  readonly #handlers: Handlers<M>
  readonly #pace: Pace
  readonly #burst: Burst
  readonly #taking: Taking<M>
  readonly #intakes = new Map<WorkClaim<M>, Intake<M>>()
  readonly #rotation = new Rotation<M>()
  readonly #throttling: ThrottleParts<M>
  /** Of families of routes that have a rate. */
  readonly #throttles = new Map<object, Throttle<M>>()
  /** How many handlers may run; 0 once nothing is started any more. */
  #limit: number
  #lastLane = -1
  #pumping = false
  /** Ends the waits of drains. */
  readonly #closed = new AbortController()
  #ticker: Timer

  constructor({ options, clock, random, logger, events, looked, ticked }: DispatcherParts<M>) {
    this.#options = options
    this.#limit = options.concurrency
    this.#clock = clock
    this.#random = random
    this.#events = events
    this.#waiting = new Waiting(clock, slot => this.#due(slot))
    this.#pace = new Pace(clock, this.#pump, looked, ticked)
    this.#burst = new Burst(this.#pump)
    this.#slots = new SlotPool(this.#resolved, this.#rejected)
    const shared = {
      clock,
      random,
      logger,
      events,
      scope: new AsyncResource('MillraceHandler'),
      pace: this.#pace,
      burst: this.#burst,
      lanes: this.#lanes,
      slots: this.#slots,
      waiting: this.#waiting,
      rotation: this.#rotation,
      stop: (error: Error) => this.stop(error),
    }
    const gathering = new Gathering(shared)
    this.#gathering = gathering
    const settling = new Settling({ ...shared, gathering })
    this.#settling = settling
    const mixing = new Mixing({ ...shared, gathering })
    this.#taking = new Taking({ ...shared, ...options, settling, gathering, mixing })
    this.#drains = { waiting: this.#waiting, settling, gathering, mixing }
    this.#throttling = { clock, waiting: this.#waiting, settling, released: intake => this.#lookAt(intake) }
    const finished = (intake: Intake<M>) => {
      this.#handlers.finished(intake)
      this.#pace.soon()
    }
    const failures = new Failures({
      ...shared,
      settling,
      finished,
      part: partners => this.#handlers.part(partners),
    })
    this.#handlers = new Handlers({ ...shared, settling, failures, maxAbandoned: options.maxAbandoned })
    this.#ticker = clock.every(TICK_MS, () => this.#tick())
  }

  add(claim: WorkClaim<M>, route: Route<M>): void {
    const seed = Math.floor(this.#random() * 2 ** 30)
    const lookahead = Math.max(LOOKAHEAD, route.batch === null ? 0 : 2 * route.batch.messages)
    const deadlines = this.#handlers.deadlines(route)
    const filling = this.#gathering.filling(route)
    const throttle = this.#throttle(route)
    const intake = new Intake(claim, route, deadlines, seed, --this.#lastLane, lookahead, filling, throttle)
    this.#intakes.set(claim, intake)
    intake.seats?.onCall(next => this.#lookAt(next))
    this.#lookAt(intake)
  }

  #throttle(route: Route<M>): Throttle<M> | null {
    const { rate, keyRate, family } = route
    if (rate === null && keyRate === null) return null
    const known = this.#throttles.get(family)
    if (known !== undefined) return known
    const made = new Throttle(route, Math.floor(this.#random() * 2 ** 30), this.#throttling)
    this.#throttles.set(family, made)
    return made
  }

  /** It may have something to start. */
  #lookAt(intake: Intake<M>): void {
    this.#rotation.add(intake)
    this.#pace.soon()
  }

  /** The claim has messages that it had not, or may be dispatched again. */
  wake(claim: WorkClaim<M>): void {
    const intake = this.#intakes.get(claim)
    if (intake !== undefined) this.#lookAt(intake)
  }

  get running(): number {
    return this.#handlers.running
  }

  /** Handlers that were abandoned and have not settled since. */
  get abandoned(): number {
    return this.#handlers.abandoned
  }

  state(claim: WorkClaim<M>): IntakeState | undefined {
    const intake = this.#intakes.get(claim)
    return intake && intakeState(intake, this.#options.maxUndone)
  }

  marks(claim: WorkClaim<M>): IntakeMarks | undefined {
    const intake = this.#intakes.get(claim)
    return intake && intakeMarks(intake)
  }

  /** The handler that has run longest: of this claim, or of all. */
  longest(claim: WorkClaim<M> | null): RunningHandler | null {
    return this.#handlers.longest(claim)
  }

  /** What waits for a moment, by claim. */
  timed(): Map<WorkClaim<M>, TimedWaits> {
    return timedWaits(this.#waiting.slots())
  }

  /** Nothing is started any more, anywhere; the owner is told to close. */
  stop(error: Error): void {
    if (this.#limit === 0) return
    this.#limit = 0
    this.#events.fatal(error)
  }

  /**
   * Takes nothing more of these claims. What runs may end, and what was taken in front of it is finished too, next attempts included: it
   * would hold the commit back, and all that is done behind it would be done again. After `drainMs` the rest is given up, the signals of
   * what runs are aborted with `reason`, and `abandonMs` are waited for it. `hurry` ends the first wait. Answers how many handlers still
   * ran at the end.
   */
  async drain(claims: Iterable<WorkClaim<M>>, options: DrainOptions): Promise<number> {
    const { drainMs, reason, hurry } = options
    const intakes = this.#intakesOf(claims)
    const until = this.#clock.now() + (hurry?.aborted ? 0 : drainMs)
    stopTaking(intakes, until, this.#drains, this.#intakes.values())
    for (const intake of intakes) if (intake.hasReady) this.#rotation.add(intake)
    this.#pace.soon()
    const { signal: closed } = this.#closed
    const over = hurry === undefined ? closed : AbortSignal.any([hurry, closed])
    const idle = await untilIdle(intakes, this.#clock, drainMs, over)
    this.#stopIntakes(intakes)
    if (!idle) {
      abortHandlers(intakes, reason)
      // Less when somebody is in a hurry by now.
      if (!closed.aborted) await untilIdle(intakes, this.#clock, options.abandonMs, closed)
    }
    let undone = 0
    for (const intake of intakes) {
      undone += intake.running
      this.#intakes.delete(intake.claim)
    }
    return undone
  }

  /** These claims are gone: nothing more is started, running handlers get their signal, what they answer is dropped. */
  abandon(claims: Iterable<WorkClaim<M>>): void {
    const intakes = this.#intakesOf(claims)
    this.#stopIntakes(intakes)
    abortHandlers(intakes, 'lost')
    for (const intake of intakes) this.#intakes.delete(intake.claim)
  }

  /** Ends every timer, and drains that wait. What still runs is forgotten. */
  close(): void {
    this.#limit = 0
    this.#stopIntakes([...this.#intakes.values()])
    this.#closed.abort()
    this.#ticker.cancel()
    this.#waiting.clear()
    this.#pace.close()
    for (const throttle of this.#throttles.values()) throttle.close()
  }

  // ── starting ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A property, as every frame between it and a handler is captured with each error that one throws. */
  readonly #pump = (): void => {
    if (this.#pumping || !this.#pace.enter()) return
    this.#pumping = true
    while (this.#handlers.running < this.#limit && !this.#burst.spent) {
      const next = this.#taking.next()
      if (next === null) break
      // A slot may stand for nothing any more when its handler returns.
      const { message } = next
      if (next instanceof Slot) this.#handlers.start(next)
      else this.#handlers.startFresh(next)
      this.#burst.started()
      if (this.#pace.over()) {
        const { blockedMs, blockedAmong } = this.#pace
        if (blockedMs > 0) this.#events.blocked(message, blockedMs, blockedAmong)
        break
      }
    }
    this.#pumping = false
  }

  readonly #resolved = (slot: Slot<M>): void => {
    this.#handlers.resolved(slot)
    this.#burst.follow()
  }

  readonly #rejected = (slot: Slot<M>, error: unknown): void => {
    this.#handlers.rejected(slot, error)
    this.#burst.follow()
  }

  /** A waiting slot's time has come. */
  #due(slot: Slot<M>): void {
    const { intake } = slot
    if (slot.state === SlotState.collected) {
      this.#gathering.waited(slot)
    } else if (slot.state === SlotState.paced) {
      intake.throttle?.waited(slot)
      intake.pushReady(slot)
    } else if (slot.left) {
      slot.left = slot.undone = false
      slot.attempts = 0
      slot.state = SlotState.parked
      intake.undone--
      if (slot.lane === NO_LANE || this.#lanes.enter(slot) === null) this.#settling.takeTurn(slot)
    } else {
      slot.state = SlotState.ready
      intake.pushReady(slot)
    }
    this.#lookAt(intake)
  }

  // ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #tick(): void {
    if (this.#handlers.expire(this.#pace.tick(TICK_MS))) this.#pump()
  }

  #intakesOf(claims: Iterable<WorkClaim<M>>): Intake<M>[] {
    return [...claims].flatMap(claim => this.#intakes.get(claim) ?? [])
  }

  // ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Gives up all that does not run. */
  #stopIntakes(intakes: readonly Intake<M>[]): void {
    for (const intake of intakes) {
      intake.stopped = true
      intake.finishBelow = -1
    }
    stopTaking(intakes, Number.NEGATIVE_INFINITY, this.#drains, this.#intakes.values())
    for (const intake of intakes) intake.end()
    // A message of another claim may have waited behind one that was given up.
    this.#pace.soon()
  }
}
