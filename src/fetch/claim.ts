import type { MillraceError } from '../base/errors.ts'
import type { Reservoir } from './reservoir.ts'

/** One owned partition as fetching sees it. Implemented by the consumer's claim. */
export interface FetchClaim {
  readonly topic: string
  readonly partition: number
  /** False once released or lost: what arrives for it is dropped. */
  readonly live: boolean
  /** Paused by the user: what was fetched is kept, and a full reservoir is not waited for. */
  readonly paused: boolean
  readonly reservoir: Reservoir
  /** What is committed, as far as it is known, or -1 when nothing was: decides which out-of-range policy holds. */
  readonly committed: number
  /** Which topic of its name it is; null: the brokers do not tell. Told before anything of it is fetched. */
  identify(topicId: string | null): void
  /** Messages are ready that were not before. */
  filled(): void
  /** Fetching set the position by a policy: it is committed at once, before any message is handled. */
  reset(offset: number): void
  /**
   * The log has ended, or been cut off, before what was fetched of it; what lies before `offset` has this leader epoch, -1: not known. A
   * claim never goes back, so it ends, and another begins there, or before that at what is not done.
   */
  rewind(offset: number, leaderEpoch: number): void
  /** The topic was deleted, and there is another of the same name: this claim ends as lost, and another begins by the start policy. */
  recreated(): void
  /** This partition cannot go on, by its options or for good; the consumer stops with this error. */
  fail(error: MillraceError): void
}
