import type { Backoff } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { ClosedError, MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { OffsetClaim } from './claim.ts'
import { CommitEntry } from './commit-entry.ts'
import { METADATA_TOO_LARGE, OffsetError } from './error.ts'
import type { CommittedOffset, OffsetStorage, StorageResult } from './storage.ts'

const MOST_NAMES_LOGGED = 10

export interface CommitLoopOptions {
  /** How often changed positions are committed, ms. Default 1,000. */
  readonly commitIntervalMs: number
  /** How long a change may stay unacknowledged before dispatch must pause, ms. Default 300,000. */
  readonly maxCommitAgeMs: number
  /** How often an unchanged position is committed again, so that the storage's retention does not drop it, ms: one day. */
  readonly recommitMs: number
  /** Waits between the attempts to commit one partition; an error that is not retriable waits `backoff.maxMs` each time. */
  readonly backoff: Backoff
  /** All that changed is committed in one, or none of it: no partition waits for an attempt of its own. Default false. */
  readonly together?: boolean
}

/** What the loop tells; none of these may throw. */
export interface CommitEvents {
  committed(offsets: readonly CommittedOffset[]): void
  /** A commit failed, and will be tried again; `sinceMs`: for how long it has been failing. */
  failing(error: MillraceError, sinceMs: number): void
  /** The storage refused metadata of so many characters; it is committed anew at once, with what is asked for then. */
  metadataTooLarge(characters: number): void
  /** True: a change is unacknowledged for longer than `maxCommitAgeMs`, dispatch must pause. False: it may go on. */
  overdue(overdue: boolean): void
  /** Nothing can be committed any more; the loop has stopped. */
  fatal(error: MillraceError): void
}

export interface CommitLoopParts {
  readonly storage: OffsetStorage
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly options: CommitLoopOptions
  readonly events: CommitEvents
}

export interface PartitionCommitState {
  readonly topic: string
  readonly partition: number
  /** What the storage is known to hold; -1: nothing, or unknown after a reset. */
  readonly committed: number
  /** When this process last committed it, ms since 1970; null: not yet. */
  readonly committedAt: number | null
  readonly error: MillraceError | null
}

export interface CommitState {
  /** When the last commit was acknowledged, ms since 1970; null: none yet. */
  readonly lastCommitAt: number | null
  /** Since when at least one partition's commit has been failing, ms since 1970; null: all is well. */
  readonly failingSince: number | null
  /** What failed, of the partition that has been failing longest. */
  readonly error: MillraceError | null
  readonly overdue: boolean
  /** Partitions whose position has changed since their last acknowledged commit. */
  readonly pending: number
  readonly partitions: readonly PartitionCommitState[]
}

interface Sent {
  readonly entry: CommitEntry
  readonly offset: CommittedOffset
}

/**
 * Commits what is done of all claims: those that changed, in one request, every `commitIntervalMs`. At most one request is under
 * way, so commits of a partition never overtake each other, not even those of two claims after one another.
 */
export class CommitLoop {
  readonly #storage: OffsetStorage
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #options: CommitLoopOptions
  readonly #events: CommitEvents
  readonly #entries = new Map<OffsetClaim, CommitEntry>()
  readonly #interval: Timer
  #retry: Timer | null = null
  /** The request under way. */
  #flight: Promise<void> | null = null
  /** The request that `commit` asked for, which waits for the one under way. */
  #following: Promise<void> | null = null
  #overdue = false
  #lastCommitAt: number | null = null
  #fatal: MillraceError | null = null
  #closed = false

  constructor({ storage, clock, random, logger, options, events }: CommitLoopParts) {
    this.#storage = storage
    this.#clock = clock
    this.#random = random
    this.#logger = logger
    this.#options = options
    this.#events = events
    this.#interval = clock.every(options.commitIntervalMs, () => this.#tick())
  }

  /**
   * Begins to commit this claim. `committed` is the offset that the storage holds now, -1 when it holds none. The first commit may
   * be lower (a seek); all later ones never go back.
   */
  add(claim: OffsetClaim, committed: number): void {
    // When the position was last committed is not known; a random moment of the period makes sure that also a process which is
    // restarted within each period commits it again in the end.
    const recommitAt = this.#clock.now() + this.#random() * this.#options.recommitMs
    this.#entries.set(claim, new CommitEntry(claim, committed, recommitAt))
  }

  /** Forgets the claim: nothing more is sent for it, and a late answer is dropped. */
  remove(claim: OffsetClaim): void {
    this.#entries.delete(claim)
    if (this.#overdue) this.#watchAge()
  }

  /**
   * Commits what changed of these claims (default: all) now, behind the request that may be under way. Resolves to one result per
   * claim, `error` null also where nothing had changed; claims that died meanwhile are left out. Rejects only when closed.
   */
  async commit(claims: Iterable<OffsetClaim> = [...this.#entries.keys()]): Promise<readonly StorageResult[]> {
    if (this.#closed) throw new ClosedError('The commit loop')
    const wanted: CommitEntry[] = []
    for (const claim of claims) {
      const entry = this.#entries.get(claim)
      if (entry === undefined) continue
      entry.wanted = true
      wanted.push(entry)
    }
    this.#following ??= this.#follow()
    await this.#following
    return wanted
      .filter(entry => this.#holds(entry))
      .map(({ claim: { topic, partition }, changed, error }) => {
        return { topic, partition, error: this.#fatal ?? (changed ? error : null) }
      })
  }

  /** Commits the claim's position now although it may be lower than what was committed: fetching set it by a policy. */
  reset(claim: OffsetClaim): Promise<readonly StorageResult[]> {
    this.#entries.get(claim)?.reset()
    return this.commit([claim])
  }

  /** Where these claims were committed ahead of what they handed out, the next commit may be lower than those before. */
  giveBack(claims: Iterable<OffsetClaim>): void {
    for (const claim of claims) this.#entries.get(claim)?.giveBack()
  }

  state(): CommitState {
    const entries = [...this.#entries.values()]
    const failing = entries
      .filter(entry => entry.failingSince !== null)
      .sort((a, b) => (a.failingSince ?? 0) - (b.failingSince ?? 0))[0]
    return {
      lastCommitAt: this.#wallTime(this.#lastCommitAt),
      failingSince: this.#wallTime(failing?.failingSince ?? null),
      error: this.#fatal ?? failing?.error ?? null,
      overdue: this.#overdue,
      pending: entries.filter(entry => entry.changed).length,
      partitions: entries.map(({ claim: { topic, partition }, committed, committedAt, error }) => {
        return { topic, partition, committed, committedAt: this.#wallTime(committedAt), error }
      }),
    }
  }

  /** How long the oldest change has been without its acknowledgement; 0: there is none. */
  get ageMs(): number {
    const now = this.#clock.now()
    let oldest = now
    for (const entry of this.#entries.values()) {
      entry.note(now)
      oldest = Math.min(oldest, entry.changedAt ?? now)
    }
    return now - oldest
  }

  /** Commits nothing more by itself; resolves once the requests that are under way, or asked for, have ended. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopTimers()
    await (this.#following ?? this.#flight)
  }

  #stopTimers(): void {
    this.#interval.cancel()
    this.#retry?.cancel()
  }

  #tick(): void {
    this.#watchAge()
    if (this.#flight === null && this.#following === null) void this.#send()
  }

  async #follow(): Promise<void> {
    await this.#flight
    this.#following = null
    await this.#send()
  }

  #send(): Promise<void> {
    if (this.#fatal !== null) return Promise.resolve()
    const now = this.#clock.now()
    const batch: Sent[] = []
    for (const entry of this.#entries.values()) {
      entry.note(now)
      if (entry.due(now, this.#options.together)) batch.push({ entry, offset: entry.snapshot() })
      entry.wanted = false
    }
    if (batch.length === 0) return Promise.resolve()
    this.#flight = this.#deliver(batch, now).finally(() => {
      this.#flight = null
    })
    return this.#flight
  }

  async #deliver(batch: readonly Sent[], sentAt: number): Promise<void> {
    const errors = await this.#ask(batch.map(sent => sent.offset))
    const committed: CommittedOffset[] = []
    const failed: CommitEntry[] = []
    let refused = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    let recovered = 0
    for (const { entry, offset } of batch) {
      if (!this.#holds(entry)) continue
      const error = errors(offset)
      if (error === null) {
        if (entry.error !== null) recovered++
        entry.acknowledged(offset, sentAt, now, this.#options.recommitMs)
        committed.push(offset)
      } else if (error.code === METADATA_TOO_LARGE && offset.metadata !== '') {
        refused = Math.min(refused, offset.metadata.length)
        entry.wanted = true
      } else {
        failed.push(entry)
        entry.failed(error, now, this.#options.backoff, this.#random)
      }
    }
    if (committed.length > 0) {
      this.#lastCommitAt = now
      this.#events.committed(committed)
    }
    if (recovered > 0) this.#logger.info({ partitions: recovered }, 'Commits work again')
    this.#report(failed, now)
    if (refused < Number.POSITIVE_INFINITY) {
      this.#events.metadataTooLarge(refused)
      this.#following ??= this.#follow()
    }
    this.#watchAge()
    this.#armRetry(now)
  }

  /** Asks the storage; the answer tells for each offset why it was not committed, null if it was. */
  async #ask(offsets: readonly CommittedOffset[]): Promise<(offset: CommittedOffset) => MillraceError | null> {
    try {
      const results = await this.#storage.commit(offsets)
      const errors = new Map(results.map(result => [partitionName(result.topic, result.partition), result.error]))
      return ({ topic, partition }) => {
        const error = errors.get(partitionName(topic, partition))
        return error === undefined ? unanswered(topic, partition) : error
      }
    } catch (thrown) {
      const error = thrown instanceof MillraceError ? thrown : storageFailed(toError(thrown))
      return () => error
    }
  }

  #report(failed: readonly CommitEntry[], now: number): void {
    const byCode = Map.groupBy(failed, entry => entry.error?.code)
    for (const entries of byCode.values()) {
      const [{ error = null } = {}] = entries
      if (error === null) continue
      const since = Math.min(...entries.map(entry => entry.failingSince ?? now))
      const partitions = entries
        .slice(0, MOST_NAMES_LOGGED)
        .map(({ claim }) => partitionName(claim.topic, claim.partition))
      const level = error instanceof OffsetError && error.rebalancing ? 'debug' : 'warn'
      this.#logger[level](
        { err: error, partitions, count: entries.length, failingForMs: now - since },
        'A commit failed',
      )
      if (error instanceof OffsetError && error.fatal) {
        this.#fail(error)
        return
      }
      this.#events.failing(error, now - since)
    }
  }

  #fail(error: MillraceError): void {
    this.#fatal = error
    this.#stopTimers()
    this.#events.fatal(error)
  }

  /** Tells when the oldest unacknowledged change has become too old, or no longer is. */
  #watchAge(): void {
    const overdue = this.ageMs > this.#options.maxCommitAgeMs
    if (overdue === this.#overdue) return
    this.#overdue = overdue
    this.#events.overdue(overdue)
  }

  /** Partitions that failed are tried again before the next interval, if their wait ends before it. */
  #armRetry(now: number): void {
    this.#retry?.cancel()
    this.#retry = null
    if (this.#closed || this.#fatal !== null) return
    let soonest = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      if (entry.error !== null) soonest = Math.min(soonest, entry.retryAt)
    }
    if (soonest - now < this.#options.commitIntervalMs) {
      this.#retry = this.#clock.after(Math.max(0, soonest - now), () => this.#tick())
    }
  }

  /** Whether the claim is still committed: its answers count only then. */
  #holds(entry: CommitEntry): boolean {
    return entry.claim.live && this.#entries.get(entry.claim) === entry
  }

  #wallTime(at: number | null): number | null {
    return at === null ? null : Math.round(this.#clock.wallTime() - (this.#clock.now() - at))
  }
}

function unanswered(topic: string, partition: number): OffsetError {
  const name = partitionName(topic, partition)
  return new OffsetError('OFFSET_COMMIT', `The offset storage did not answer for ${name}; see its \`commit\``, {
    topic,
    partition,
    retriable: true,
  })
}

function storageFailed(cause: Error): OffsetError {
  const message = `The offset storage failed to commit: ${cause.message}; it is tried again`
  return new OffsetError('OFFSET_COMMIT', message, { cause, retriable: true })
}
