import type { Backoff } from '../base/backoff.ts'
import type { MillraceError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { OffsetClaim } from './claim.ts'
import type { CommittedOffset } from './storage.ts'

/** What the commit loop remembers of one claim. Times are those of the monotonic clock. */
export class CommitEntry {
  readonly claim: OffsetClaim
  /** What the storage holds, as far as it told; -1: nothing, or unknown. */
  committed: number
  /** Of the metadata that the storage holds, and of what was sent last. */
  #version: number
  #sentVersion: number
  /** When the storage last acknowledged something for this claim; null: not yet. */
  committedAt: number | null = null
  /** The highest offset ever sent: what was sent may be stored even if no answer came, so nothing lower follows it. */
  #sent = -1
  /** Since when there is something that the storage has not acknowledged; null: all is acknowledged. */
  changedAt: number | null = null
  #recommitAt: number
  error: MillraceError | null = null
  failingSince: number | null = null
  retryAt = 0
  #attempts = 0
  /** To be sent with the next request even if its wait is not over. */
  wanted = false

  constructor(claim: OffsetClaim, committed: number, recommitAt: number) {
    this.claim = claim
    this.committed = committed
    this.#version = this.#sentVersion = claim.metadataVersion
    this.#recommitAt = recommitAt
  }

  get changed(): boolean {
    const { live, committable } = this.claim
    if (!live || committable < 0 || committable < this.#sent) return false
    return committable !== this.committed || this.claim.metadataVersion !== this.#version
  }

  /** Keeps `changedAt` true; called before a request and after each answer. */
  note(now: number): void {
    if (!this.changed) this.changedAt = null
    else this.changedAt ??= now
  }

  /** `together`: whatever is sent, this is sent with it. */
  due(now: number, together = false): boolean {
    if (this.changed) return this.wanted || together || now >= this.retryAt
    const same = this.claim.live && this.committed >= 0 && this.claim.committable === this.committed
    return same && now >= Math.max(this.#recommitAt, this.retryAt)
  }

  snapshot(): CommittedOffset {
    const { topic, partition, committable, leaderEpoch, metadata } = this.claim
    this.#sent = committable
    this.#sentVersion = this.claim.metadataVersion
    return { topic, partition, offset: committable, leaderEpoch, metadata }
  }

  acknowledged(sent: CommittedOffset, sentAt: number, now: number, recommitMs: number): void {
    this.committed = sent.offset
    this.#version = this.#sentVersion
    this.committedAt = now
    this.#recommitAt = now + recommitMs
    this.error = null
    this.failingSince = null
    this.retryAt = 0
    this.#attempts = 0
    this.changedAt = this.changed ? sentAt : null
  }

  failed(error: MillraceError, now: number, backoff: Backoff, random: Random): void {
    this.#attempts++
    this.error = error
    this.failingSince ??= now
    this.retryAt = now + (error.retriable ? backoff(this.#attempts, random) : backoff.maxMs)
  }

  /** What was committed ahead and is not wanted is given back: the last commit may be lower than those before. */
  giveBack(): void {
    if (this.claim.committable < this.#sent) this.reset()
  }

  /** The claim's position was set anew: it may be lower, and is committed even if it equals what was committed last. */
  reset(): void {
    this.#sent = -1
    this.committed = -1
  }
}
