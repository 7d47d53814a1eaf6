import type { MillraceError } from '../base/errors.ts'
import type { FetchClaim } from '../fetch/claim.ts'
import type { Reservoir, ReservoirEvents } from '../fetch/reservoir.ts'
import type { OffsetClaim } from '../offsets/claim.ts'
import { Gaps, type MetadataLimit } from '../offsets/gaps.ts'
import { Progress } from '../offsets/progress.ts'
import type { Message } from '../records/message.ts'
import type { Circuit } from '../work/circuit.ts'
import type { WorkClaim } from '../work/claim.ts'
import { type Admission, type Due, DueTime } from './admission.ts'
import { Grant, type GrantParts } from './grant.ts'
import type { Sieve } from './sieve.ts'

/** A message whatever its serdes made of it. */
export type AnyMessage = Message<unknown, unknown>

/** Messages that are passed over in one go. */
const MOST_PASSED = 512

/** Whom a claim tells, and what holds for all claims at once. */
export interface ClaimHost {
  /** Closed while no message may be handed out anywhere: commits have been failing for too long. */
  readonly gateOpen: boolean
  filled(claim: Claim): void
  reset(claim: Claim, offset: number): void
  /** Another claim is to take its place, which begins at `offset` or before; `leaderEpoch` is that of what lies before `offset`. */
  rewind(claim: Claim, offset: number, leaderEpoch: number): void
  /** Another claim is to take its place, for another topic of the same name. */
  recreated(claim: Claim): void
  corrupt(claim: Claim, error: MillraceError): void
  fail(claim: Claim, error: MillraceError): void
}

export interface Once extends Pick<GrantParts, 'clock' | 'handlers'> {
  /** The claim is to be committed now. */
  readonly commit: (claim: Claim) => void
}

export interface ClaimParts {
  readonly topic: string
  readonly partition: number
  readonly host: ClaimHost
  /** Place of its route. */
  readonly route: number
  /** What was committed before this claim began, -1: nothing. */
  readonly committed: number
  readonly paused: boolean
  readonly metadataLimit: MetadataLimit
  /** Default: every message is handled. */
  readonly sieve?: Sieve | null
  /** Default: none. */
  readonly circuit?: Circuit | null
  /** Default: each message is handled as soon as it can be. */
  readonly due?: Due | null
  /** How messages are committed before they are handled, at most once. Default: they are not. A claim has no `due` as well. */
  readonly once?: Once | null
  readonly progress?: Progress
  /** Makes the claim's reservoir. */
  readonly reservoir: (events: ReservoirEvents) => Reservoir
}

/**
 * One owned partition from assigned to released, never reused: the meeting place of the managers. Fetching fills its reservoir,
 * work takes from it and settles into its progress, the commit loop reads how far it is. What comes for a claim that is not
 * live any more is dropped.
 */
export class Claim implements FetchClaim, WorkClaim<AnyMessage>, OffsetClaim {
  readonly topic: string
  readonly partition: number
  readonly route: number
  /** What the storage holds, as far as it told; -1: nothing. */
  committed: number
  readonly reservoir: Reservoir
  readonly progress: Progress
  readonly gaps: Gaps
  /** Messages that were settled. */
  settled = 0
  /** Of these, those that were left out by `work.filter`, and those that were too old when they were taken. */
  filtered = 0
  expired = 0
  /** The last `take` passed over many messages, and may be asked again. */
  passing = false
  paused: boolean
  /** It was added to its topic while that was read. */
  added = false
  /** Nothing was committed for it, and where it begins is being looked up. */
  positioning = false
  /** It is being given up: what has not begun does not begin any more. */
  draining = false
  /** A policy set its position, which is to be committed before any message is handled. */
  awaitingCommit = false
  /** Null: there is no breaker. */
  readonly circuit: Circuit | null
  /** Null: messages are committed after they are done. */
  readonly grant: Grant | null
  readonly #host: ClaimHost
  readonly #sieve: Sieve | null
  readonly #dueTime: DueTime | null
  /** Of these two the one that there is. */
  readonly #admission: Admission | null
  /** Taken from the reservoir, and not admitted yet. */
  #ahead: AnyMessage | null = null
  #live = true
  /** Nothing more is taken. */
  #barred = false
  /** Whether its position is one that a broker named. */
  #confirmed = false

  constructor(parts: ClaimParts) {
    this.topic = parts.topic
    this.partition = parts.partition
    this.route = parts.route
    this.committed = parts.committed
    this.paused = parts.paused
    this.#host = parts.host
    this.#sieve = parts.sieve ?? null
    this.circuit = parts.circuit ?? null
    this.#dueTime = parts.due ? new DueTime(parts.due, () => this.filled()) : null
    this.grant = parts.once ? this.#granted(parts.once) : null
    this.#admission = this.grant ?? this.#dueTime
    this.progress = parts.progress ?? new Progress()
    this.gaps = new Gaps(this.progress, parts.metadataLimit)
    this.reservoir = parts.reservoir({
      filled: () => this.filled(),
      corrupt: error => this.#host.corrupt(this, error),
      fail: error => this.fail(error),
    })
  }

  /** When its next message is to be handled, ms since 1970; null: as soon as it can be. */
  get dueAt(): number | null {
    return this.#dueTime?.next ?? null
  }

  /** Offset of a message that waits for a commit above it; -1: there is none. */
  get ungranted(): number {
    return this.grant === null || this.#ahead === null ? -1 : this.#ahead.offset
  }

  get live(): boolean {
    return this.#live
  }

  /** Released or lost, for good. */
  end(): void {
    this.#live = false
    this.#dueTime?.end()
    this.reservoir.clear()
  }

  #granted({ clock, handlers, commit }: Once): Grant {
    return new Grant({
      clock,
      handlers,
      fetched: () => this.reservoir.position,
      open: () => this.progress.open,
      commit: () => commit(this),
    })
  }

  // ── fetching ────────────────────────────────────────────────────────────────────────────────────────────────────────

  filled(): void {
    if (this.#live) this.#host.filled(this)
  }

  identify(topicId: string | null): void {
    this.gaps.identify(topicId)
  }

  reset(offset: number): void {
    if (!this.#live) return
    this.#confirmed = true
    this.positioning = false
    this.#host.reset(this, offset)
  }

  rewind(offset: number, leaderEpoch: number): void {
    if (this.#live) this.#host.rewind(this, offset, leaderEpoch)
  }

  recreated(): void {
    if (this.#live) this.#host.recreated(this)
  }

  fail(error: MillraceError): void {
    if (this.#live) this.#host.fail(this, error)
  }

  // ── work ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get dispatchable(): boolean {
    const open = this.circuit === null || this.circuit.allows
    return this.#live && !this.paused && !this.awaitingCommit && open && this.#host.gateOpen
  }

  get lowest(): number {
    return this.progress.lowest
  }

  /** What is done above its mark leaves no room for more to be remembered. At most once, it is below what is committed. */
  get full(): boolean {
    return this.gaps.full && this.grant === null
  }

  /** What an owner before had done already does not come to the handlers. */
  take(): AnyMessage | null {
    this.passing = false
    if (this.full || this.#barred) return null
    if (this.#ahead !== null) return this.#takeAhead(this.#ahead)
    const message = this.reservoir.take()
    if (message === null) return null
    return this.#isDone(message) ? this.#takeBehind() : this.#onceAdmitted(message)
  }

  /** It was taken before, and not admitted. */
  #takeAhead(ahead: AnyMessage): AnyMessage | null {
    this.#ahead = null
    return this.#onceAdmitted(ahead)
  }

  /** Behind one that is done. */
  #takeBehind(): AnyMessage | null {
    for (let passed = 1; passed < MOST_PASSED && !this.#barred; passed++) {
      const message = this.reservoir.take()
      if (message === null) return null
      if (!this.#isDone(message)) return this.#onceAdmitted(message)
    }
    this.passing = !this.#barred
    return null
  }

  /** Whether a message needs no handler: an owner before handled it, or the options of its route say so. */
  #isDone(message: AnyMessage): boolean {
    if (this.gaps.passes(message)) {
      this.pass(message)
      return true
    }
    return this.#sieve !== null && this.#leaveOut(this.#sieve, message)
  }

  /** The message, or null: it is to be handled later, and nothing is taken before it. */
  #onceAdmitted(message: AnyMessage): AnyMessage | null {
    if (this.#admission === null || this.#admission.admits(message)) return message
    this.#ahead = message
    return null
  }

  /** It was done by an owner before. */
  pass(message: AnyMessage): void {
    this.progress.settle(this.track(message))
    this.reservoir.release(message)
  }

  track(message: AnyMessage): number {
    return this.progress.add(message.offset)
  }

  tried(message: AnyMessage): number {
    const { attempts } = this.gaps
    return attempts.none ? 0 : attempts.of(message.offset)
  }

  attempted({ offset }: AnyMessage, attempts: number): void {
    this.gaps.attempts.set(offset, attempts)
  }

  settle(slot: number, message: AnyMessage): void {
    this.settled++
    const { attempts } = this.gaps
    if (!attempts.none) attempts.set(message.offset, 0)
    this.progress.settle(slot)
    this.reservoir.release(message)
  }

  /** Whether the message is done by the options of its route. */
  #leaveOut(sieve: Sieve, message: AnyMessage): boolean {
    const why = sieve.leavesOut(message)
    if (why === null) return false
    const slot = this.track(message)
    // Not done by that, and not handled either, nor is what follows it: the consumer ends.
    this.#barred = why === 'unknown'
    if (why === 'unknown') return true
    this[why]++
    this.settle(slot, message)
    return true
  }

  detach(message: AnyMessage): void {
    this.reservoir.detach(message)
  }

  stopped(begun: number): void {
    this.grant?.stop(begun)
  }

  // ── offsets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The lowest offset that is not done, or the position when all is done; -1 while that is not known. */
  get done(): number {
    const { lowest } = this.progress
    if (lowest !== -1) return lowest
    if (this.#ahead !== null) return this.#ahead.offset
    return this.#confirmed || this.reservoir.highWatermark >= 0 ? this.reservoir.delivered : -1
  }

  /** A position that no broker has confirmed is not committed: it may not exist, and no later start would get past it. */
  get committable(): number {
    const { done, grant } = this
    return grant === null || done < 0 ? done : Math.max(done, grant.asked)
  }

  /** Messages behind the end of the partition; null while that, or what is done, is not known. */
  get lag(): number | null {
    const { done, reservoir } = this
    return reservoir.highWatermark < 0 || done < 0 ? null : Math.max(0, reservoir.highWatermark - done)
  }

  /** Of the last record below `committable`, so that a later start notices when it is no longer in the log (KIP-320). */
  get leaderEpoch(): number {
    return this.reservoir.leaderEpochBelow(this.committable)
  }

  get metadata(): string {
    return this.gaps.metadata(this.committable)
  }

  get metadataVersion(): number {
    return this.grant === null ? this.gaps.version : 0
  }
}
