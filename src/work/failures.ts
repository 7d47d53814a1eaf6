import type { Clock } from '../base/clock.ts'
import { MillraceError, OptionError, toError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { BatchEnds } from './batch-ends.ts'
import type { WorkMessage } from './claim.ts'
import type { WorkEvents } from './events.ts'
import {
  type Decision,
  type Failure,
  type FailureReason,
  HandlerTimeout,
  isDecision,
  Retry,
  Undecoded,
  WorkStopped,
} from './failure.ts'
import type { Intake } from './intake.ts'
import { promised, type Scope } from './invocation.ts'
import type { Lanes } from './lanes.ts'
import { PendingDecision } from './pending-decision.ts'
import type { Settling } from './settling.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
import { isFinal, reasonOf, type Spent, spent } from './spent.ts'
import type { Waiting } from './waiting.ts'

/** What failures need of the dispatcher. */
export interface FailureParts<M extends WorkMessage> {
  random: Random
  clock: Clock
  events: WorkEvents<M>
  waiting: Waiting<M>
  /** Where `onFailure` is called. */
  scope: Scope
  settling: Settling<M>
  lanes: Lanes<M>
  slots: SlotPool<M>
  /** The slot's unit of concurrency is free again. */
  finished(intake: Intake<M>): void
  /** The unit of a batch becomes one for each of its partitions, so many more. */
  part(partners: number): void
  stop(error: Error): void
}

/** What becomes of a message whose handler failed: another attempt, or a decision. */
export class Failures<M extends WorkMessage> {
  readonly #parts: FailureParts<M>
  readonly #ends: BatchEnds<M>

  constructor(parts: FailureParts<M>) {
    this.#parts = parts
    this.#ends = new BatchEnds(parts, this)
  }

  /** A running slot, alone or leading a batch, failed. */
  failed(slot: Slot<M>, thrown: Error): void {
    const { intake, members, attempts } = slot
    if (members !== null) {
      this.ended(slot, thrown)
      return
    }
    const error = thrown instanceof Undecoded ? thrown.error : thrown
    if (error !== thrown) slot.decoded = false
    intake.deadlines.remove(slot)
    const aborted = slot.attempt?.aborted ?? null
    const timedOut = aborted instanceof HandlerTimeout
    const gaveUp = aborted !== null && !timedOut
    if (!slot.decoded) intake.route.unentered?.(gaveUp ? [] : [slot.message], gaveUp ? [slot.message] : [])
    if (!intake.claim.live || gaveUp) {
      this.drop(slot)
      this.#parts.finished(intake)
      return
    }
    const reason = reasonOf(slot, timedOut)
    intake.claim.attempted(slot.message, attempts)
    if (isFinal(slot, error, reason)) {
      this.decide(intake, [spent(slot, { message: slot.message, error, attempts, reason })])
      return
    }
    this.retry(slot, [slot], error, reason)
    this.#parts.finished(intake)
  }

  /** A running batch failed, or its handler said something of single messages; `error` is null when it resolved. */
  ended(leader: Slot<M>, error: Error | null): void {
    leader.intake.deadlines.remove(leader)
    this.#ends.ended(leader, error)
  }

  /** They come again. */
  #dropAll(members: readonly Slot<M>[]): void {
    for (const member of members) this.drop(member)
  }

  /** It comes again. */
  drop(slot: Slot<M>): void {
    slot.intake.giveUpFrom(slot.message.offset)
    this.#parts.settling.drop(slot)
  }

  /** Whether the slot, with its batch, is started once more in so many ms: a drain that would not see it leaves it to the next owner. */
  goesOn(slot: Slot<M>, members: readonly Slot<M>[], delayMs: number): boolean {
    const { intake } = slot
    const late = this.#parts.clock.now() + delayMs > intake.drainUntil
    if (!intake.stopped || (!late && intake.finishes(slot))) return true
    this.#dropAll(members)
    return false
  }

  /** Another attempt follows, of all members at once. */
  retry(slot: Slot<M>, members: readonly Slot<M>[], error: Error, reason: FailureReason): void {
    const delay = error instanceof Retry ? error.afterMs : this.#backoff(slot, error)
    if (!this.goesOn(slot, members, delay)) return
    this.#parts.events.retrying({ message: slot.message, error, attempts: slot.attempts, reason }, delay)
    this.#wait(slot, members, delay)
  }

  /** A backoff that throws or answers nonsense stops the consumer, which loses nothing. */
  #backoff({ intake, attempts }: Slot<M>, error: Error): number {
    const { backoff } = intake.route
    try {
      const ms = backoff(attempts, this.#parts.random, error)
      if (Number.isFinite(ms) && ms >= 0) return ms
      throw new OptionError(`work.backoff must answer milliseconds, not ${ms}`)
    } catch (thrown) {
      this.#parts.stop(toError(thrown))
      return backoff.maxMs
    }
  }

  /** It keeps its lane while it waits, but not its unit of concurrency, and its bytes are copied out of their batch. */
  #wait(slot: Slot<M>, members: readonly Slot<M>[], delayMs: number): void {
    for (const member of members) {
      member.state = SlotState.waiting
      member.intake.claim.detach(member.message)
      member.intake.kept++
    }
    this.#parts.waiting.add(slot, this.#parts.clock.now() + delayMs)
  }

  /**
   * Asks for each message what becomes of it, in order, and then frees the unit of concurrency they had. When one is held,
   * those of its key behind it wait for it without a decision of their own.
   */
  decide(intake: Intake<M>, spent: readonly Spent<M>[]): void {
    // Led by themselves they are in no batch, and nobody gives them a turn before they are decided about.
    for (const { slot, failure } of spent) {
      slot.members = null
      slot.leader = slot
      slot.attempts = failure.attempts
    }
    this.#decideFrom(0, intake, spent)
  }

  #decideFrom(start: number, intake: Intake<M>, spent: readonly Spent<M>[]): void {
    for (let at = start; at < spent.length; at++) {
      const { slot, failure, parked } = spent[at] as Spent<M>
      if (parked) continue
      // It ended while a decision was waited for: the rest comes again, and is its next owner's to decide about.
      if (!intake.claim.live) {
        slot.leader = null
        this.drop(slot)
        continue
      }
      slot.state = SlotState.deciding
      const decision = this.#ask(intake, failure)
      if (typeof decision !== 'string') {
        this.#follow(decision, failure, answer => this.#answered(at, intake, spent, answer))
        return
      }
      this.#decided(at, spent, decision)
    }
    this.#parts.finished(intake)
  }

  #follow(
    decision: PendingDecision | Promise<unknown>,
    failure: Failure<M>,
    answered: (decision: Decision) => void,
  ): void {
    const { scope } = this.#parts
    // Whoever makes it may be in the async context of somebody else.
    if (decision instanceof PendingDecision) decision.follow(made => scope.runInAsyncScope(answered, undefined, made))
    else {
      decision.then(
        answer => answered(this.#checked(failure, answer)),
        thrown => answered(this.#broken(failure, thrown)),
      )
    }
  }

  /** Never throws. */
  #answered(at: number, intake: Intake<M>, spent: readonly Spent<M>[], decision: Decision): void {
    try {
      this.#decided(at, spent, decision)
      this.#decideFrom(at + 1, intake, spent)
    } catch (thrown) {
      this.#parts.stop(toError(thrown))
    }
  }

  #decided(at: number, spent: readonly Spent<M>[], decision: Decision): void {
    const { slot, failure } = spent[at] as Spent<M>
    const { lane } = slot
    slot.leader = null
    if (!this.#apply(slot, failure, decision) || lane === NO_LANE) return
    for (let behind = at + 1; behind < spent.length; behind++) {
      const follower = spent[behind] as Spent<M>
      if (follower.parked || follower.slot.lane !== lane) continue
      follower.parked = true
      follower.slot.leader = null
      this.park(follower.slot)
    }
  }

  /** Never throws: a decision that cannot be had stops the consumer, which loses nothing. */
  #ask(intake: Intake<M>, failure: Failure<M>): Decision | PendingDecision | Promise<unknown> {
    const { onFailure } = intake.route
    if (typeof onFailure === 'string') return onFailure
    try {
      const answer = this.#parts.scope.runInAsyncScope(onFailure, undefined, failure)
      // What is decided already is not followed: the messages of a large batch would be, one within the other.
      if (answer instanceof PendingDecision) return answer.decision ?? answer
      return promised(answer) ?? this.#checked(failure, answer)
    } catch (error) {
      return this.#broken(failure, error)
    }
  }

  #checked(failure: Failure<M>, answer: unknown): Decision {
    if (isDecision(answer)) return answer
    return this.#broken(failure, new OptionError(`it answered ${String(answer)}, which is no decision`))
  }

  #broken({ message: { topic, partition, offset } }: Failure<M>, cause: unknown): Decision {
    const message = `onFailure itself failed for ${topic}[${partition}] offset ${offset}: ${toError(cause).message}`
    this.#parts.stop(new MillraceError('ON_FAILURE', message, { topic, partition, offset, cause }))
    return 'stop'
  }

  /** Whether the message is held now. */
  #apply(slot: Slot<M>, failure: Failure<M>, decision: Decision): boolean {
    const { intake } = slot
    this.#parts.events.failed(failure, decision)
    // When it comes again, it begins anew.
    if (decision === 'leave' || decision === 'stop') intake.claim.attempted(slot.message, 0)
    // Draining: whoever owns the partition next gets it again.
    if (!intake.claim.live || (intake.stopped && (decision === 'leave' || decision === 'hold'))) {
      this.drop(slot)
      return false
    }
    switch (decision) {
      case 'skip':
        this.#parts.settling.done(slot)
        return false
      case 'skip-and-stop':
        this.#parts.settling.done(slot)
        this.#parts.stop(new WorkStopped(failure))
        return false
      case 'stop':
        this.drop(slot)
        this.#parts.stop(new WorkStopped(failure))
        return false
      case 'leave':
        this.#keep(slot)
        if (slot.lane !== NO_LANE) this.#parts.settling.leaveLane(slot)
        slot.left = true
        if (failure.reason !== 'abandoned') this.#wait(slot, [slot], intake.route.redeliverMs)
        else this.#shelve(slot)
        return false
      case 'hold':
        this.#keep(slot)
        if (intake.route.batch !== null) {
          slot.members = [slot]
          slot.leader = slot
        }
        if (failure.reason !== 'abandoned') this.#wait(slot, [slot], intake.route.backoff.maxMs)
        else this.#shelve(slot)
        return true
    }
  }

  /** It waits for another process to own its partition. */
  #shelve(slot: Slot<M>): void {
    slot.state = SlotState.gone
    slot.intake.shelf.add(slot)
  }

  #keep(slot: Slot<M>): void {
    slot.intake.claim.detach(slot.message)
    if (slot.undone) return
    slot.undone = true
    slot.intake.undone++
  }

  /** A member of a batch goes back to its lane, to be handled as if it came now. */
  park(member: Slot<M>): void {
    member.state = SlotState.parked
    member.attempts = 0
    member.intake.claim.attempted(member.message, 0)
    member.intake.kept++
  }
}
