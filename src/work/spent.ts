import type { WorkMessage } from './claim.ts'
import { type Failure, type FailureReason, Poison } from './failure.ts'
import type { Slot } from './slot.ts'

/** A message whose attempts are spent. */
export interface Spent<M extends WorkMessage> {
  readonly slot: Slot<M>
  readonly failure: Failure<M>
  /** It went back to its lane, without a decision. */
  parked: boolean
}

export function spent<M extends WorkMessage>(slot: Slot<M>, failure: Failure<M>): Spent<M> {
  return { slot, failure, parked: false }
}

export function reasonOf<M extends WorkMessage>(slot: Slot<M>, timedOut: boolean): FailureReason {
  if (slot.abandoned) return 'abandoned'
  if (timedOut) return 'timeout'
  return slot.decoded ? 'error' : 'decode'
}

/** Whether `onFailure` is asked now. A held message is asked about after each probe. */
export function isFinal<M extends WorkMessage>(slot: Slot<M>, error: Error, reason: FailureReason): boolean {
  if (reason === 'abandoned' || slot.undone || error instanceof Poison) return true
  if (reason === 'decode' && !isRetriable(error)) return true
  return slot.attempts >= slot.intake.route.attempts
}

/** Errors of others count too, if they say so. */
function isRetriable(error: Error): boolean {
  return 'retriable' in error && error.retriable === true
}
