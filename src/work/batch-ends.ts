import { lead, makeReady, materialize, setState, UndecodedMembers } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import { type FailureReason, HandlerTimeout } from './failure.ts'
import type { FailureParts, Failures } from './failures.ts'
import { halves } from './halves.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
import { isFinal, reasonOf, type Spent, spent } from './spent.ts'

/** How a batch ended. */
interface Ending<M extends WorkMessage> {
  readonly attempts: number
  /** Null: its handler resolved. */
  readonly error: Error | null
  readonly reason: FailureReason
  /** Of single messages: their own errors, and null for those that are done. */
  readonly said: ReadonlyMap<Slot<M>, Error | null>
  /** Why those failed that have errors of their own. */
  readonly own: FailureReason
  /** The handler was told to give up, and did. */
  readonly gaveUp: boolean
  /** What shares its end has not had its attempt. */
  readonly untried: boolean
  /** The error was that of one message alone, if of any. */
  readonly alone: boolean
  /** Nothing was handed to the handler, or it may be again: messages wait for those in front of them that failed. */
  readonly again: boolean
}

/** The messages of a batch that are not simply done, in its order. */
interface Parted<M extends WorkMessage> {
  /** With errors of their own. */
  readonly failed: Slot<M>[]
  /** Behind one of their lane that failed or waits. */
  readonly behind: Slot<M>[]
  /** They share what becomes of the batch. */
  readonly rest: Slot<M>[]
}

/**
 * How a batch ends whose handler rejected, or said something of single messages: some are done, some fail by themselves, those behind
 * them in their lanes wait, and the rest is tried again together, or in halves once its attempts are spent. So each message that always
 * fails is alone at last, after a number of attempts that grows with the logarithm of the batch, and the others are done.
 */
export class BatchEnds<M extends WorkMessage> {
  readonly #parts: FailureParts<M>
  readonly #failures: Failures<M>

  constructor(parts: FailureParts<M>, failures: Failures<M>) {
    this.#parts = parts
    this.#failures = failures
  }

  /** `error` is null when the handler resolved. The leader is not among the running ones any more. */
  ended(leader: Slot<M>, error: Error | null): void {
    const { attempts, intake, partners, verdicts, decoded } = leader
    verdicts?.end()
    const members = materialize(leader, this.#parts.slots)
    const ending = endingOf(leader, members.length, error)
    if (!decoded) tellUnentered(members, ending)
    const live = this.#dropGone(members, ending)
    const { failed, behind, rest } = this.#partMembers(live, ending)
    for (const slot of [...failed, ...behind, ...rest]) slot.members = slot.leader = null
    const given = new Map<Slot<M>, Spent<M>>()
    for (const slot of behind) this.#failures.park(slot)
    for (const group of together(rest)) {
      if (ending.untried) this.#again(group, attempts - 1)
      else this.#failed(group, ending, given)
    }
    for (const slot of failed) this.#failedAlone(slot, ending, given)
    this.#parts.part(partners?.length ?? 0)
    for (const each of [intake, ...(partners ?? [])]) {
      const its = live.flatMap(slot => given.get(slot) ?? []).filter(({ slot }) => slot.intake === each)
      this.#failures.decide(each, its)
    }
  }

  /** Gives up the messages of partitions that are gone, or given up while the handler ran; answers the others. */
  #dropGone(members: readonly Slot<M>[], { said, gaveUp }: Ending<M>): Slot<M>[] {
    const live: Slot<M>[] = []
    for (const member of members) {
      const { claim, aborted } = member.intake
      if (claim.live && !(gaveUp && aborted !== null)) live.push(member)
      else if (said.get(member) === null) this.#parts.settling.drop(member)
      else this.#failures.drop(member)
    }
    return live
  }

  /** Settles those that are done, and tells the others apart. */
  #partMembers(members: readonly Slot<M>[], ending: Ending<M>): Parted<M> {
    const parted: Parted<M> = { failed: [], behind: [], rest: [] }
    /** Of each lane, the first and the last member that stay in it, and whether those behind them have to wait. */
    const lanes = new Map<number, { first: Slot<M>; last: Slot<M>; waits: boolean }>()
    for (const slot of members) {
      const verdict = ending.said.get(slot)
      const ahead = slot.lane === NO_LANE ? undefined : lanes.get(slot.lane)
      const resolved = verdict === undefined && ending.error === null && (ahead === undefined || !ending.again)
      if (verdict === null || resolved) {
        this.#settle(slot, verdict === null, ahead)
        continue
      }
      const alone = verdict !== undefined && ending.reason !== 'abandoned'
      const waits = ending.again && ahead !== undefined && (ahead.waits || alone)
      if (waits) parted.behind.push(slot)
      else if (alone) parted.failed.push(slot)
      else parted.rest.push(slot)
      if (slot.lane !== NO_LANE)
        lanes.set(slot.lane, { first: ahead?.first ?? slot, last: slot, waits: waits || alone })
    }
    return parted
  }

  #settle(slot: Slot<M>, settled: boolean, ahead: { first: Slot<M>; last: Slot<M> } | undefined): void {
    const { settling, lanes } = this.#parts
    if (ahead !== undefined) {
      lanes.leaveBehind(slot, ahead.last, ahead.first)
      slot.lane = NO_LANE
    }
    if (settled) settling.drop(slot)
    else settling.done(slot)
  }

  #failedAlone(slot: Slot<M>, { said, own, attempts }: Ending<M>, given: Map<Slot<M>, Spent<M>>): void {
    // It is among those only because it has one.
    const error = said.get(slot) as Error
    const alone = lead([slot], attempts)
    slot.intake.claim.attempted(slot.message, attempts)
    if (isFinal(alone, error, own))
      given.set(slot, spent(slot, { message: slot.message, error, attempts, reason: own }))
    else this.#failures.retry(alone, [alone], error, own)
  }

  #failed(members: Slot<M>[], ending: Ending<M>, given: Map<Slot<M>, Spent<M>>): void {
    const { error, reason, attempts, alone } = ending
    // Whoever resolved has nothing left.
    if (error === null) return
    const leader = lead(members, attempts)
    for (const { intake, message } of members) intake.claim.attempted(message, attempts)
    if (!isFinal(leader, error, reason)) this.#failures.retry(leader, members, error, reason)
    else if (!alone && reason !== 'abandoned' && !leader.intake.route.once) this.#split(leader, members, error, reason)
    else for (const slot of members) given.set(slot, spent(slot, { message: slot.message, error, attempts, reason }))
  }

  /** One after the other they are tried next, in front of all that is ready, so that what fails is found soon. */
  #split(leader: Slot<M>, members: readonly Slot<M>[], error: Error, reason: FailureReason): void {
    const { attempts, message } = leader
    if (!this.#failures.goesOn(leader, members, 0)) return
    this.#parts.events.retrying({ message, error, attempts, reason }, 0)
    keep(members)
    // One whose companions are gone, or wait behind others, is tried by itself.
    if (members.length === 1) next(leader)
    else this.#halve(members, attempts)
  }

  #halve(members: readonly Slot<M>[], attempts: number): void {
    const { first, second, chained } = halves(members)
    const behind = lead(second, attempts)
    if (chained) setState(behind, SlotState.parked)
    else next(behind)
    next(lead(first, attempts))
  }

  /** They are handled again at once. */
  #again(members: Slot<M>[], attempts: number): void {
    const leader = lead(members, attempts)
    if (!this.#failures.goesOn(leader, members, 0)) return
    keep(members)
    makeReady(leader)
  }
}

/** Each waits, for however short a time: its bytes are copied out of their record batch. */
function keep<M extends WorkMessage>(members: readonly Slot<M>[]): void {
  for (const { intake, message } of members) {
    intake.claim.detach(message)
    intake.kept++
  }
}

function next<M extends WorkMessage>(leader: Slot<M>): void {
  setState(leader, SlotState.ready)
  leader.intake.unshiftReady(leader)
}

function endingOf<M extends WorkMessage>(leader: Slot<M>, messages: number, error: Error | null): Ending<M> {
  const { attempts, attempt, abandoned, intake, verdicts } = leader
  const aborted = attempt?.aborted ?? null
  const timedOut = aborted instanceof HandlerTimeout
  const gaveUp = error !== null && aborted !== null && !timedOut
  const undecoded = error instanceof UndecodedMembers
  const said: ReadonlyMap<Slot<M>, Error | null> = undecoded ? error.errors : (verdicts?.said ?? new Map())
  return {
    attempts,
    error,
    said,
    gaveUp,
    reason: reasonOf(leader, timedOut),
    own: undecoded ? 'decode' : 'error',
    untried: undecoded || (gaveUp && !abandoned),
    alone: messages - said.size === 1,
    again: undecoded || !intake.route.once,
  }
}

/** Its handler was never entered. */
function tellUnentered<M extends WorkMessage>(members: readonly Slot<M>[], { own, said, gaveUp }: Ending<M>): void {
  const failed = (slot: Slot<M>) => (own === 'decode' ? said.has(slot) : !gaveUp)
  const messages = (those: readonly Slot<M>[]) => those.map(({ message }) => message)
  const [{ intake }] = members as [Slot<M>]
  intake.route.unentered?.(messages(members.filter(failed)), messages(members.filter(slot => !failed(slot))))
}

/** What is tried again is so together, but for what drains: each partition that does goes its own way. */
function together<M extends WorkMessage>(members: readonly Slot<M>[]): Slot<M>[][] {
  return [...Map.groupBy(members, ({ intake }) => (intake.stopped ? intake : null)).values()]
}
