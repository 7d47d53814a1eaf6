import { sharesOf } from './batches.ts'
import type { WorkClaim, WorkMessage } from './claim.ts'
import type { Deadlines } from './deadlines.ts'
import type { Intake } from './intake.ts'
import { type Slot, SlotState } from './slot.ts'

/** What is going on in one claim. */
export interface IntakeState {
  /** Handlers that run. */
  readonly inFlight: number
  /** Taken, and waiting for their key, its rate, their batch or their next attempt. */
  readonly waiting: number
  /** Left or held. */
  readonly undone: number
  /** Why no more messages are taken although there may be some; null: they are. */
  readonly blocked: 'undone' | 'lookahead' | 'draining' | null
}

/** What shows whether a claim goes on. */
export interface IntakeMarks {
  /** Highest offset that was handed to a handler; -1: none. */
  readonly started: number
  /** How often messages that had waited, or batches, were handed to a handler. */
  readonly restarts: number
  /** Messages that come again in another process only: they were left or held, and their handlers abandoned. */
  readonly shelved: number
  /** When the rate of its route lets the next of its messages start, by the monotonic clock; null: it does not keep them from it. */
  readonly heldUntil: number | null
  /** Messages that wait for the rate of their key. */
  readonly paced: number
}

export function intakeState<M extends WorkMessage>(intake: Intake<M>, maxUndone: number): IntakeState {
  const full = intake.kept >= intake.lookahead ? 'lookahead' : null
  const blocked = intake.undone >= maxUndone ? 'undone' : full
  return {
    inFlight: intake.running,
    waiting: intake.kept,
    undone: intake.undone,
    blocked: intake.stopped ? 'draining' : blocked,
  }
}

export function intakeMarks<M extends WorkMessage>(intake: Intake<M>): IntakeMarks {
  const { claim, started, restarts, shelf, paced, throttle } = intake
  const heldUntil = throttle !== null && claim.dispatchable ? throttle.heldUntil(intake) : null
  return { started, restarts, shelved: shelf.size, heldUntil, paced }
}

/** A handler that runs, and since when by the monotonic clock. Of a batch, its first message. */
export interface RunningHandler {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly since: number
}

/** The handler that has run longest, of one claim or of all. Costs a look at all that run. */
export function longestRunning<M extends WorkMessage>(
  deadlines: Iterable<Deadlines<M>>,
  claim: WorkClaim<M> | null,
): RunningHandler | null {
  let longest: RunningHandler | null = null
  for (const list of deadlines) {
    for (const slot of list) {
      const since = list.startOf(slot)
      if ((claim !== null && !runsFor(slot, claim)) || (longest !== null && longest.since <= since)) continue
      const { topic, partition, offset } = slot.message
      longest = { topic, partition, offset, since }
    }
  }
  return longest
}

/** Messages of one kind that wait for a moment, and which of them comes first. */
export interface TimedWait {
  messages: number
  /** Of the one that is due first. */
  offset: number
  /** By the monotonic clock. */
  due: number
}

/** What of a claim waits for a moment: for its next attempt, its next probe, its redelivery, the rate of its key, or for its batch to be full. */
export type TimedWaits = Partial<Record<'attempts' | 'held' | 'left' | 'paced' | 'batch', TimedWait>>

export function timedWaits<M extends WorkMessage>(slots: Iterable<Slot<M>>): Map<WorkClaim<M>, TimedWaits> {
  const found = new Map<WorkClaim<M>, TimedWaits>()
  for (const slot of slots) {
    const { due } = slot
    const kind = kindOf(slot)
    for (const { intake, messages, lowest } of sharesOf(slot)) {
      const waits = found.get(intake.claim) ?? {}
      found.set(intake.claim, waits)
      const wait = waits[kind] ?? { messages: 0, offset: lowest, due }
      waits[kind] = wait
      wait.messages += messages
      if (due < wait.due) Object.assign(wait, { offset: lowest, due })
    }
  }
  return found
}

function runsFor<M extends WorkMessage>({ intake, partners }: Slot<M>, claim: WorkClaim<M>): boolean {
  return intake.claim === claim || (partners?.some(partner => partner.claim === claim) ?? false)
}

function kindOf<M extends WorkMessage>({ state, undone, left }: Slot<M>): keyof TimedWaits {
  if (state === SlotState.collected) return 'batch'
  if (state === SlotState.paced) return 'paced'
  if (!undone) return 'attempts'
  return left ? 'left' : 'held'
}
