import type { WorkMessage } from './claim.ts'
import type { Decision, Failure } from './failure.ts'

/** What the dispatcher tells; none of it is waited for. */
export interface WorkEvents<M extends WorkMessage> {
  /** An attempt failed and another one follows in `inMs`. */
  retrying(failure: Failure<M>, inMs: number): void
  /** A message's attempts are spent, and this was decided. */
  failed(failure: Failure<M>, decision: Decision): void
  /** A handler outlived its timeout, and got its signal. */
  timedOut(message: M): void
  /** A handler did not settle and was left to itself. */
  stuck(message: M, afterMs: number): void
  /** The event loop stood still for `ms` while the last `among` handlers were entered, this message's last of them. */
  blocked(message: M, ms: number, among: number): void
  /** Nothing more will be started. */
  fatal(error: Error): void
}
