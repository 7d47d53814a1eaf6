import { exponential } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { FetchAnswer, FetchedPartition, LowLevelClient } from '../client/low-level-client.ts'
import type { Budget, Holder } from './budget.ts'
import type { FetchClaim } from './claim.ts'
import { toMillraceError } from './failure.ts'
import type { Feed } from './feed.ts'
import { type FetchPlan, LEFT_OUT_WAIT_MS, planFetch } from './fetch-plan.ts'
import type { FetchOptions } from './options.ts'

const wait = exponential(50, 10_000)
/** Answers in a row that may come at once with nothing in them, before the loop slows down. */
const EARLY_ANSWERS = 3
/** Shortest wait at the broker while a partition is left out and drains fast. */
const MIN_LEFT_OUT_WAIT_MS = 2

/** What a loop needs of the one who runs it. */
export interface LoopOwner {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly options: FetchOptions
  /** Of this process; null: it is told to nobody. */
  readonly rack: string | null
  readonly budget: Budget
  /** How many loops share the budget. */
  readonly loopCount: number
  /** An answer brought so many bytes of record batches. */
  fetched(bytes: number): void
  /** The answer for this partition was good, with or without messages. */
  wentWell(feed: Feed): void
  /** It is waited out, or the claim fails. */
  wentWrong(feed: Feed, error: MillraceError): void
  /** The leader wants this to be read from a nearer replica. */
  preferred(feed: Feed, node: number): void
  /** It was read from a replica that is not the leader, and cannot be now: the leader knows better. */
  replicaFailed(feed: Feed, error: MillraceError): void
  outOfRange(feed: Feed, fetched: FetchedPartition): void
  /** What lies at the position cannot be cut into batches. */
  unreadable(feed: Feed, error: MillraceError): void
  /** The broker cannot be reached. `news`: it could before. */
  brokerFailed(feeds: readonly Feed[], error: MillraceError, news: boolean): void
}

/**
 * Fetches the partitions of one leader over one connection: one fetch after the other, each sent as soon as the headers of the one
 * before are read. Idle while no partition may be fetched, until it is woken.
 */
export class FetchLoop {
  readonly nodeId: number
  readonly connection: number
  readonly #owner: LoopOwner
  readonly #abort = new AbortController()
  /** Stands in the budget for a batch under way beyond the limit. */
  readonly #turn: Holder = { batchBytes: 0, surplus: 0, heavy: false }
  /** In the order of their turn: those that were served last are last. */
  #feeds: Feed[] = []
  readonly #byName = new Map<string, Feed>()
  /** A fetch is under way, or its answer is being looked at. */
  #busy = false
  #flight: Promise<void> | null = null
  #scheduled = false
  #pause: Timer | null = null
  #failures = 0
  #earlyAnswers = 0
  #leftOutWaitMs = LEFT_OUT_WAIT_MS
  /** A partition that was left out has room, and waits for the answer under way. */
  #awaited = false
  /** Time in which nothing was under way, and since when that has been so again. */
  #idleMs = 0
  #idleSince: number
  #trouble: { readonly error: MillraceError; readonly since: number } | null = null

  constructor(owner: LoopOwner, nodeId: number, connection: number) {
    this.#owner = owner
    this.nodeId = nodeId
    this.connection = connection
    this.#idleSince = owner.clock.now()
  }

  /** How long it had nothing to ask, since it was made. */
  get idleMs(): number {
    return this.#idleMs + (this.#busy ? 0 : this.#owner.clock.now() - this.#idleSince)
  }

  get size(): number {
    return this.#feeds.length
  }

  /** Whose turn it is. */
  get next(): Feed | undefined {
    return this.#feeds[0]
  }

  /** Why nothing can be fetched from this broker, and since when (ms since 1970); null when all is well. */
  get trouble(): { readonly error: MillraceError; readonly since: number } | null {
    return this.#trouble
  }

  add(feed: Feed): void {
    this.#feeds.push(feed)
    this.#byName.set(feed.name, feed)
    feed.loop = this
    feed.untold = true
    this.wake()
  }

  remove(feed: Feed): void {
    this.#feeds = this.#feeds.filter(other => other !== feed)
    if (this.#byName.get(feed.name) === feed) this.#byName.delete(feed.name)
    feed.loop = null
  }

  /** Something may be fetched that could not be before. */
  wake(): void {
    if (this.#scheduled || this.#busy || this.#pause !== null) return
    this.#scheduled = true
    this.#owner.clock.soon(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  /** One of its partitions was full, and is not any more. */
  roomMade(): void {
    this.#awaited ||= this.#busy
    this.wake()
  }

  /** Resolves when the fetch under way has ended. */
  async close(): Promise<void> {
    for (const feed of this.#feeds) feed.loop = null
    this.#feeds = []
    this.#byName.clear()
    this.#pause?.cancel()
    this.#owner.budget.leaveLine(this.#turn)
    this.#abort.abort(new MillraceError('CLOSED', 'Fetching was closed'))
    await this.#flight
  }

  #send(): void {
    if (this.#busy || this.#pause !== null || this.#abort.signal.aborted) return
    const { options, budget, loopCount } = this.#owner
    const share = Math.min(options.maxBytes, budget.free, Math.floor(budget.unheld / loopCount))
    const plan = planFetch(this.#feeds, options, budget, share, this.#turn, this.#leftOutWaitMs)
    if (plan === null) return
    budget.reserve(plan.reserved)
    this.#idleMs = this.idleMs
    for (const feed of plan.feeds) feed.plan = plan
    this.#busy = true
    this.#flight = this.#fetch(plan)
  }

  async #fetch(plan: FetchPlan): Promise<void> {
    const { client, clock, budget, options } = this.#owner
    const sentAt = clock.now()
    const { partitions, maxBytes } = plan
    const maxWaitMs = Math.ceil(plan.maxWaitMs)
    let filled: FetchClaim[] = []
    let failure: unknown = null
    try {
      const { nodeId, connection } = this
      const { isolation } = options
      const rack = this.#rackFor(plan)
      const minBytes = Math.min(options.minBytes, maxBytes)
      const query = { nodeId, connection, maxWaitMs, minBytes, maxBytes, isolation, rack, partitions }
      const answer = await client.fetch(query, this.#abort.signal)
      filled = this.#arrived(plan, answer, clock.now() - sentAt)
    } catch (thrown) {
      failure = toError(thrown)
    }
    this.#busy = false
    this.#idleSince = clock.now()
    budget.unreserve(plan.reserved)
    if (plan.overdraws) {
      const { reservoir } = plan.feeds.find(feed => feed.reservoir.batchBytes > 0) ?? {}
      if (reservoir === undefined) budget.repay(this.#turn)
      else budget.passOn(this.#turn, reservoir)
    }
    if (this.#abort.signal.aborted) return
    if (plan.leavesOut) this.#pace()
    if (failure !== null) this.#failed(plan.feeds, failure)
    else this.#send()
    for (const claim of filled) claim.filled()
  }

  /** Told, unless the leader itself is to be read from. */
  #rackFor({ feeds }: FetchPlan): string {
    const { rack } = this.#owner
    return rack === null || feeds.some(feed => feed.replica.avoided) ? '' : rack
  }

  /** Waits less at the broker while partitions that were full drain faster than its answers come. */
  #pace(): void {
    const ms = this.#leftOutWaitMs
    this.#leftOutWaitMs = this.#awaited ? Math.max(MIN_LEFT_OUT_WAIT_MS, ms / 2) : Math.min(LEFT_OUT_WAIT_MS, ms * 2)
    this.#awaited = false
  }

  /** Answers the claims that have messages now. */
  #arrived(plan: FetchPlan, answer: FetchAnswer, afterMs: number): FetchClaim[] {
    this.#recovered()
    this.#owner.fetched(answer.partitions.reduce((sum, { bytes }) => sum + bytes, 0))
    const filled: FetchClaim[] = []
    const served = new Set<Feed>()
    let errors = false
    for (const fetched of answer.partitions) {
      const feed = this.#byName.get(partitionName(fetched.topic, fetched.partition))
      if (feed?.plan !== plan) continue
      feed.plan = null
      feed.untold = !this.#isCurrent(feed)
      if (feed.untold) continue
      const { reservoir } = feed
      const before = reservoir.messages
      if (this.#accept(feed, fetched)) served.add(feed)
      if (reservoir.messages > before) filled.push(feed.claim)
      errors ||= fetched.error !== null
    }
    for (const feed of plan.feeds) {
      const lacks = feed.plan === plan && feed.asked?.untold && this.#isCurrent(feed)
      if (lacks) this.#owner.wentWrong(feed, incomplete(feed, this.nodeId))
    }
    if (served.size > 0 && served.size < this.#feeds.length) {
      this.#feeds = [...this.#feeds.filter(feed => !served.has(feed)), ...this.#feeds.filter(feed => served.has(feed))]
    }
    const early = served.size === 0 && !errors && afterMs < plan.maxWaitMs / 2
    this.#earlyAnswers = early ? this.#earlyAnswers + 1 : 0
    if (this.#earlyAnswers > EARLY_ANSWERS) this.#rest(Math.min(500, 10 * this.#earlyAnswers))
    return filled
  }

  /**
   * Whether an answer still is what this partition waits for: it was not released, moved, or set to another position, and has no new
   * leader, whose log may lack what the one before told.
   */
  #isCurrent({ asked, reservoir, leaderEpoch, loop, active }: Feed): boolean {
    return asked?.offset === reservoir.position && asked.leaderEpoch === leaderEpoch && loop === this && active
  }

  /** Whether the partition made progress. */
  #accept(feed: Feed, fetched: FetchedPartition): boolean {
    const { reservoir } = feed
    const { error, preferredReplica = -1 } = fetched
    const follows = feed.leader !== this.nodeId
    if (follows && (error !== null || fetched.corrupt !== null)) {
      this.#owner.replicaFailed(feed, error ?? (fetched.corrupt as MillraceError))
      return false
    }
    if (error !== null) {
      if (error.code === 'OFFSET_OUT_OF_RANGE') this.#owner.outOfRange(feed, fetched)
      else if (error.code === 'CORRUPT_MESSAGE') this.#owner.unreadable(feed, error)
      else this.#owner.wentWrong(feed, error)
      return false
    }
    const position = reservoir.position
    reservoir.fill(fetched)
    if (this.#owner.options.isolation === 'read_committed') feed.noteStable(fetched)
    if (follows) feed.replica.worked()
    if (preferredReplica >= 0 && preferredReplica !== this.nodeId) this.#owner.preferred(feed, preferredReplica)
    const progress = reservoir.position > position
    if (progress || fetched.bytes === 0) this.#owner.wentWell(feed)
    else if (fetched.corrupt !== null) this.#owner.unreadable(feed, fetched.corrupt)
    else this.#owner.wentWrong(feed, noProgress(feed, fetched.bytes))
    return progress
  }

  #failed(feeds: readonly Feed[], thrown: unknown): void {
    const error = toMillraceError(thrown, `Fetching from node ${this.nodeId}`)
    const news = this.#trouble === null
    this.#trouble = { error, since: this.#trouble?.since ?? this.#owner.clock.wallTime() }
    this.#rest(wait(++this.#failures, this.#owner.random))
    const here = feeds.filter(feed => feed.loop === this)
    const led = here.filter(feed => feed.leader === this.nodeId)
    this.#owner.brokerFailed(led, error, news)
    for (const feed of here) if (feed.leader !== this.nodeId) this.#owner.replicaFailed(feed, error)
  }

  #recovered(): void {
    if (this.#trouble !== null) this.#owner.logger.info({ nodeId: this.nodeId }, 'fetching from this broker again')
    this.#trouble = null
    this.#failures = 0
  }

  #rest(ms: number): void {
    this.#pause?.cancel()
    this.#pause = this.#owner.clock.after(ms, () => {
      this.#pause = null
      this.#send()
    })
  }
}

function noProgress(feed: Feed, bytes: number): MillraceError {
  const { topic, partition, position: offset } = feed.reservoir
  return new MillraceError(
    'NO_PROGRESS',
    `The broker sent ${bytes} bytes for ${feed.name} and no whole batch at or behind offset ${offset}; it is asked again`,
    { topic, partition, offset, retriable: true },
  )
}

function incomplete(feed: Feed, nodeId: number): MillraceError {
  const { topic, partition } = feed.claim
  const message = `Node ${nodeId} was asked for ${feed.name} and its answer lacks it`
  return new MillraceError('INCOMPLETE_ANSWER', message, { topic, partition, retriable: true })
}
