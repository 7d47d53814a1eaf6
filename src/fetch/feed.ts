import { exponential } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { FetchedPartition, FetchPartition } from '../client/low-level-client.ts'
import type { FetchClaim } from './claim.ts'
import type { FetchLoop } from './fetch-loop.ts'
import type { FetchPlan } from './fetch-plan.ts'
import type { FetchPhase, FetchState, OpenTransaction, StartPosition } from './options.ts'
import { PreferredReplica } from './preferred-replica.ts'
import type { Reservoir } from './reservoir.ts'

const wait = exponential(50, 5_000)

export type OutOfRangeAnswer = Pick<FetchedPartition, 'error' | 'logStartOffset' | 'highWatermark'>

/** What fetching knows of one claim: where its leader is, what it waits for, and why. */
export class Feed {
  readonly claim: FetchClaim
  /** `orders[3]` */
  readonly name: string
  /** Node id, -1 while none is known. */
  leader = -1
  leaderEpoch = -1
  topicId: string | null = null
  /** The loop that fetches it, from its leader or a nearer replica. */
  loop: FetchLoop | null = null
  readonly replica: PreferredReplica
  /** What its position is to be looked up by; null when it is known. */
  lookup: StartPosition | null = null
  /** Its leader is to be asked whether what lies before the position still is in the log. */
  unchecked = false
  /** What a broker told that does not have the position: a policy decides once the topic is known to be the same. */
  outOfRange: OutOfRangeAnswer | null = null
  /** Its leader was asked, and has not answered. */
  asking = false
  /** A policy set the position, and nothing was fetched from there yet. */
  untried = false
  /** Left out until its reservoir is half empty. */
  full = false
  /** The last fetch that asked for it, and what it asked. */
  plan: FetchPlan | null = null
  asked: FetchPartition | null = null
  /** How it stands with it is to be told, though it may be no news. */
  untold = true
  closed = false

  readonly #clock: Clock
  readonly #random: Random
  #openTransaction: OpenTransaction | null = null
  #failed = false
  #error: MillraceError | null = null
  #since = 0
  #attempt = 0
  #retryAt = 0
  #timer: Timer | null = null

  constructor(claim: FetchClaim, clock: Clock, random: Random) {
    this.claim = claim
    this.name = partitionName(claim.topic, claim.partition)
    this.#clock = clock
    this.#random = random
    this.replica = new PreferredReplica(clock, random)
  }

  /** Asks for it, with at most so many bytes. What is asked as before is the same object. */
  ask(maxBytes: number): FetchPartition {
    const { topicId, leaderEpoch, untold, asked } = this
    const { topic, partition, position: offset } = this.reservoir
    const same = asked?.offset === offset && asked.maxBytes === maxBytes && asked.untold === untold
    if (asked === null || !same || asked.leaderEpoch !== leaderEpoch || asked.topicId !== topicId) {
      this.asked = { topic, topicId, partition, offset, leaderEpoch, maxBytes, untold }
    }
    return this.asked as FetchPartition
  }

  get reservoir(): Reservoir {
    return this.claim.reservoir
  }

  /** False when nothing is to be done for it any more. */
  get active(): boolean {
    return !this.closed && !this.#failed && this.claim.live
  }

  /** Whether it can be fetched from its position. */
  get located(): boolean {
    return this.lookup === null && !this.unchecked && this.outOfRange === null
  }

  /** Where the first open transaction keeps messages back, and since when it does. */
  noteStable({ lastStableOffset: offset, highWatermark }: FetchedPartition): void {
    if (offset < 0 || offset >= highWatermark) this.#openTransaction = null
    else if (this.#openTransaction?.offset !== offset) this.#openTransaction = { offset, since: this.#clock.wallTime() }
  }

  /** Milliseconds until it may be tried again; 0 when it may now. */
  get waitMs(): number {
    return this.#timer === null ? 0 : Math.max(1, this.#retryAt - this.#clock.now())
  }

  /** Something is wrong, and somebody else tries again. True when this is news. */
  note(error: MillraceError): boolean {
    const news = this.#error === null
    if (news) this.#since = this.#clock.wallTime()
    this.#error = error
    this.untold = true
    return news
  }

  /** Something is wrong: `due` is called when it may be tried again. True when this is news. */
  backOff(error: MillraceError, due: () => void): boolean {
    const ms = wait(++this.#attempt, this.#random)
    this.#timer?.cancel()
    this.#retryAt = this.#clock.now() + ms
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = null
      due()
    })
    return this.note(error)
  }

  /** What it waited for has changed: it need not wait longer. */
  retryNow(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** True when something was wrong before. */
  recover(): boolean {
    const wasWrong = this.#error !== null
    this.retryNow()
    this.#error = null
    this.#attempt = 0
    return wasWrong
  }

  fail(error: MillraceError): void {
    if (!this.active) return
    this.retryNow()
    this.note(error)
    this.#failed = true
    this.claim.fail(error)
  }

  close(): void {
    this.closed = true
    this.retryNow()
    this.replica.leave()
  }

  get state(): FetchState {
    const loop = this.loop?.trouble ?? null
    const error = this.#error ?? loop?.error ?? null
    const since = this.#error !== null ? this.#since : (loop?.since ?? null)
    const fetchedFrom = this.loop?.nodeId ?? -1
    const openTransaction = this.#openTransaction
    return { phase: this.#phase(error), since, error, leader: this.leader, fetchedFrom, openTransaction }
  }

  #phase(error: MillraceError | null): FetchPhase {
    if (this.#failed) return 'failed'
    if (this.leader === -1) return 'no-leader'
    if (error !== null) return 'backing-off'
    if (this.claim.paused) return 'paused'
    if (this.lookup !== null) return 'looking-up'
    if (!this.located) return 'validating'
    return this.full ? 'full' : 'fetching'
  }
}
