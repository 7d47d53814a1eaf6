import type { Clock } from '../base/clock.ts'
import { MillraceError, OptionError, toError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { makeReady, UndecodedMembers } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { WorkEvents } from './events.ts'
import {
  type Decision,
  type Failure,
  type FailureReason,
  HandlerTimeout,
  isDecision,
  Poison,
  Retry,
  Undecoded,
  WorkStopped,
} from './failure.ts'
import type { Intake } from './intake.ts'
import { promised, type Scope } from './invocation.ts'
import type { Settling } from './settling.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
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
  /** The slot's unit of concurrency is free again. */
  finished(intake: Intake<M>): void
  stop(error: Error): void
}

/** A message whose attempts are spent. */
interface Spent<M extends WorkMessage> {
  readonly slot: Slot<M>
  readonly failure: Failure<M>
  /** It went back to its lane, without a decision. */
  parked: boolean
}

/** What becomes of a message whose handler failed: another attempt, or a decision. A batch fails as a whole. */
export class Failures<M extends WorkMessage> {
  readonly #parts: FailureParts<M>

  constructor(parts: FailureParts<M>) {
    this.#parts = parts
  }

  /** A running slot, alone or leading a batch, failed. */
  failed(slot: Slot<M>, thrown: Error): void {
    const { intake } = slot
    const error = thrown instanceof Undecoded ? thrown.error : thrown
    if (error !== thrown) slot.decoded = false
    intake.deadlines.remove(slot)
    this.#parts.settling.materialize(slot)
    const members = slot.members ?? [slot]
    const aborted = slot.attempt?.aborted ?? null
    const timedOut = aborted instanceof HandlerTimeout
    if (!intake.claim.live || (aborted !== null && !timedOut)) {
      this.#dropAll(members)
      this.#parts.finished(intake)
    } else if (error instanceof UndecodedMembers) {
      this.#regroup(slot, members, error)
    } else {
      const reason = reasonOf(slot, timedOut)
      for (const member of members) intake.claim.attempted(member.message, slot.attempts)
      if (isFinal(slot, error, reason)) {
        const { attempts } = slot
        this.#decide(
          intake,
          members.map(member => spentOne(member, error, attempts, reason)),
        )
      } else {
        this.#retry(slot, members, error, reason)
        this.#parts.finished(intake)
      }
    }
  }

  /** They come again. */
  #dropAll(members: readonly Slot<M>[]): void {
    for (const member of members) this.#drop(member)
  }

  #drop(slot: Slot<M>): void {
    slot.intake.giveUpFrom(slot.message.offset)
    this.#parts.settling.drop(slot)
  }

  #retry(slot: Slot<M>, members: readonly Slot<M>[], error: Error, reason: FailureReason): void {
    const { intake } = slot
    const delay = error instanceof Retry ? error.afterMs : this.#backoff(slot, error)
    // A drain that would not see the next attempt leaves it to whoever owns the partition next.
    const late = this.#parts.clock.now() + delay > intake.drainUntil
    if (intake.stopped && (late || !intake.finishes(slot))) {
      this.#dropAll(members)
      return
    }
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
    const { intake } = slot
    for (const member of members) {
      member.state = SlotState.waiting
      intake.claim.detach(member.message)
    }
    intake.kept += members.length
    this.#parts.waiting.add(slot, this.#parts.clock.now() + delayMs)
  }

  /**
   * Asks for each message what becomes of it, in order, and then frees the unit of concurrency they had. When one is held,
   * those of its key behind it wait for it without a decision of their own.
   */
  #decide(intake: Intake<M>, spent: readonly Spent<M>[]): void {
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
        this.#drop(slot)
        continue
      }
      slot.state = SlotState.deciding
      const decision = this.#ask(intake, failure)
      if (typeof decision !== 'string') {
        // As many of these as there are handlers may wait at a time: none has a promise more than it needs.
        decision.then(
          answer => this.#answered(at, intake, spent, this.#checked(failure, answer)),
          thrown => this.#answered(at, intake, spent, this.#broken(failure, thrown)),
        )
        return
      }
      this.#decided(at, spent, decision)
    }
    this.#parts.finished(intake)
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
      this.#park(follower.slot)
    }
  }

  /** Never throws: a decision that cannot be had stops the consumer, which loses nothing. */
  #ask(intake: Intake<M>, failure: Failure<M>): Decision | Promise<unknown> {
    const { onFailure } = intake.route
    if (typeof onFailure === 'string') return onFailure
    try {
      const answer = this.#parts.scope.runInAsyncScope(onFailure, undefined, failure)
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
      this.#drop(slot)
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
        this.#drop(slot)
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
  #park(member: Slot<M>): void {
    member.state = SlotState.parked
    member.attempts = 0
    member.intake.claim.attempted(member.message, 0)
    member.intake.kept++
  }

  /**
   * The members that were decoded become a batch of their own; the others fail one by one. Only the first of a lane may fail:
   * those behind it, and those that could not be decoded behind decoded ones, go back to the lane and wait for their turn.
   */
  #regroup(leader: Slot<M>, members: readonly Slot<M>[], { errors }: UndecodedMembers<M>): void {
    const { intake, attempts } = leader
    const soundLanes = new Set<number>()
    const waitingLanes = new Set<number>()
    const sound: Slot<M>[] = []
    const retried: { slot: Slot<M>; error: Error }[] = []
    const spent: Spent<M>[] = []
    for (const member of members) {
      const error = errors.get(member)
      member.members = member.leader = null
      member.decoded = false
      member.attempts = attempts
      if (waitingLanes.has(member.lane)) this.#park(member)
      else if (error === undefined) {
        if (member.lane !== NO_LANE) soundLanes.add(member.lane)
        sound.push(member)
      } else {
        if (member.lane !== NO_LANE) waitingLanes.add(member.lane)
        intake.claim.attempted(member.message, attempts)
        if (soundLanes.has(member.lane)) this.#park(member)
        else if (isFinal(member, error, 'decode')) spent.push(spentOne(member, error, attempts, 'decode'))
        else retried.push({ slot: member, error })
      }
    }
    this.#again(intake, sound, attempts - 1)
    for (const { slot, error } of retried) this.#retryAlone(slot, error)
    this.#decide(intake, spent)
  }

  #retryAlone(slot: Slot<M>, error: Error): void {
    slot.members = [slot]
    slot.leader = slot
    this.#retry(slot, slot.members, error, 'decode')
  }

  #again(intake: Intake<M>, members: Slot<M>[], attempts: number): void {
    const [first] = members
    if (first === undefined) return
    if (intake.stopped && !members.some(member => intake.finishes(member))) {
      for (const member of members) member.leader = first
      this.#dropAll(members)
      return
    }
    first.attempts = attempts
    intake.kept += members.length
    makeReady(first, members)
  }
}

function spentOne<M extends WorkMessage>(
  slot: Slot<M>,
  error: Error,
  attempts: number,
  reason: FailureReason,
): Spent<M> {
  return { slot, failure: { message: slot.message, error, attempts, reason }, parked: false }
}

function reasonOf<M extends WorkMessage>(slot: Slot<M>, timedOut: boolean): FailureReason {
  if (slot.abandoned) return 'abandoned'
  if (timedOut) return 'timeout'
  return slot.decoded ? 'error' : 'decode'
}

/** Whether `onFailure` is asked now. A held message is asked about after each probe. */
function isFinal<M extends WorkMessage>(slot: Slot<M>, error: Error, reason: FailureReason): boolean {
  if (reason === 'abandoned' || slot.undone || error instanceof Poison) return true
  if (reason === 'decode' && !isRetriable(error)) return true
  return slot.attempts >= slot.intake.route.attempts
}

/** Errors of others count too, if they say so. */
function isRetriable(error: Error): boolean {
  return 'retriable' in error && error.retriable === true
}
