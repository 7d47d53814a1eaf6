import { sleep } from '../base/clock.ts'
import { ClosedError, MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import { Fetching } from '../fetch/fetching.ts'
import type { StartPosition } from '../fetch/options.ts'
import type { CommitLoop } from '../offsets/commit-loop.ts'
import { KafkaOffsetStorage } from '../offsets/kafka-storage.ts'
import type { CommittedOffset, OffsetStorage } from '../offsets/storage.ts'
import type { ConsumerCoordinator } from '../ownership/coordinator.ts'
import type { ThreadPool } from '../threads/pool.ts'
import { Dispatcher } from '../work/dispatcher.ts'
import type { Route } from '../work/route.ts'
import { once, onlyOnce, tellLost } from './at-most-once.ts'
import type { Breaker } from './breaker.ts'
import { type AnyMessage, Claim, type ClaimHost, type ClaimParts } from './claim.ts'
import { Claims } from './claims.ts'
import type { CloseResult, Tell } from './events.ts'
import { dueAt } from './failure-headers.ts'
import { observedClient, observedListener, observedRoute } from './observed.ts'
import { OffsetMetadata } from './offset-metadata.ts'
import type { ResolvedOptions } from './options.ts'
import { sendingRoute } from './outputs.ts'
import { type ClaimKeeper, Owner } from './owner.ts'
import type { EngineParts } from './parts.ts'
import { persist } from './persist.ts'
import {
  breaker,
  commitLoop,
  coordinator,
  membershipOf,
  nativeClient,
  offsetStorage,
  outputParts,
  threadPool,
  transactions,
} from './resources.ts'
import type { ConsumerRoute } from './route.ts'
import { Sinks } from './sinks.ts'
import type { StallWatch } from './stall-watch.ts'
import { Stalls } from './stalls.ts'
import { StartOffsets } from './start-offsets.ts'
import { TransactedClaim } from './transacted-claim.ts'
import type { Transactions } from './transactions.ts'
import { WorkLog } from './work-log.ts'

/** Messages of one partition that may be left or held: each is kept in memory. */
const MAX_UNDONE = 1_000
/** How long handlers have to settle after their signal when somebody is in a hurry. */
const HURRY_MS = 1_000
/** How long the last commit may take, its repetitions included. */
const LAST_COMMIT_MS = 5_000
/** How long requests that are still under way may keep the consumer from being closed. */
const LAST_CLOSE_MS = 1_000

export interface EngineCloseOptions {
  readonly drainMs: number
  /** Whether the group is told at once. */
  readonly leave: boolean
  /** Aborted: the handlers are aborted now. */
  readonly hurry: AbortSignal
}

/** A running consumer: makes the four managers, hands them their claims, and ends them in order. */
export class Engine implements ClaimHost, ClaimKeeper {
  readonly claims = new Claims()
  readonly native: NativeClient | null
  readonly fetching: Fetching
  readonly dispatcher: Dispatcher<AnyMessage>
  readonly commits: CommitLoop | null
  readonly ownership: ConsumerCoordinator
  readonly workLog: WorkLog
  readonly breaker: Breaker | null
  readonly sinks: Sinks
  /** Null: handlers do not send. */
  readonly transactions: Transactions | null
  /** Null: no handler runs in one. */
  readonly threads: ThreadPool | null
  readonly tell: Tell
  /** Commits that failed, for some partitions or all. */
  failedCommits = 0
  readonly #parts: EngineParts
  /** Of the routes, in their order. */
  readonly #work: readonly Route<AnyMessage>[]
  readonly #owner: Owner
  readonly #storage: OffsetStorage | null
  readonly #startOffsets: StartOffsets
  readonly #closing = new AbortController()
  /** Nothing is asked again. */
  readonly #ended = new AbortController()
  readonly #ownsClient: boolean
  readonly #abandonMs: number
  /** Topics for which the group had committed something before this process joined it. */
  #knownTopics: ReadonlySet<string> = new Set()
  #overdue = false
  readonly #metadata: OffsetMetadata
  readonly #stalls: Stalls

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.tell = parts.tell
    const { options, clock, random, logger } = parts
    this.breaker = breaker(
      parts,
      at => this.wallTime(at),
      () => this.wakeAll(),
    )
    this.workLog = new WorkLog({ ...parts, breaker: this.breaker })
    this.#ownsClient = !(options.client instanceof NativeClient)
    this.#metadata = new OffsetMetadata(options.offsets.metadataLimit, logger)
    this.native = nativeClient(parts)
    const client = options.client ?? (this.native as LowLevelClient)
    const { brokers, group } = options
    const groupClient = parts.groupClient ?? this.native
    this.ownership = coordinator(parts, client, groupClient)
    this.transactions = transactions(parts, this.native, membershipOf(this.ownership), this.claims, {
      again: claims => this.#again(claims),
      roomAgain: () => this.wakeAll(),
      metadataTooLarge: characters => this.#metadata.tooLarge(characters),
    })
    const retries = new Map(parts.routes.flatMap(route => [...(route.retries ?? [])]))
    const { signal } = this.#ended
    const outputs = outputParts(this.transactions, parts)
    this.sinks = new Sinks({ brokers, group, retries, client, outputs, clock, random, logger, signal })
    this.threads = threadPool(parts)
    this.#work = parts.routes.map(route => {
      const watched = (work: Route<AnyMessage>) => {
        const sending = outputs === null ? work : sendingRoute(work, outputs)
        const observed = observedRoute(sending, parts.observation)
        return this.breaker?.watched(observed) ?? observed
      }
      const decides = this.sinks.onFailure(route.onFailure)
      const asked = options.offsets.mode === 'at-most-once' ? onlyOnce(decides, logger) : decides
      return route.work(asked, watched, this.threads)
    })
    this.#storage = offsetStorage(parts, groupClient, membershipOf(this.ownership), this.#ended.signal)
    const { observation } = parts
    this.commits = commitLoop(parts, this.#storage, this.transactions, {
      committed: offsets => this.#committed(offsets),
      failing: () => {
        this.failedCommits++
      },
      metadataTooLarge: characters => this.#metadata.tooLarge(characters),
      overdue: overdue => {
        this.#overdue = overdue
        if (!overdue) this.wakeAll()
      },
    })
    this.fetching = new Fetching({
      client: observedClient(client, observation),
      clock,
      random,
      logger,
      options: options.fetch,
      rack: options.rack,
      start: options.offsets.start,
      events: {
        outOfRange: event => parts.tell('out-of-range', event),
        truncated: event => parts.tell('truncated', event),
        failed: ({ topic, partition }, error) => parts.tell('fetch-failed', { topic, partition, error }),
        topicMissing: () => this.ownership.topicMissing(),
      },
    })
    this.#stalls = new Stalls(this, parts)
    const { concurrency, perPartition, maxAbandoned } = options.work
    const { lease } = this.ownership
    this.dispatcher = new Dispatcher<AnyMessage>({
      options: { concurrency, perPartition, maxAbandoned, maxUndone: MAX_UNDONE },
      clock,
      random,
      logger,
      events: this.workLog,
      ticked: now => this.#stalls.tick(now),
      ...(lease === null ? {} : { looked: now => lease.look(now) }),
    })
    this.#abandonMs = Math.max(...parts.routes.map(route => route.abandonMs))
    this.#startOffsets = new StartOffsets({
      storage: this.#storage,
      clock,
      random,
      logger,
      found: (claim, committed) => this.#found(claim, committed),
      failed: parts.fatal,
    })
    this.#owner = new Owner({
      ...parts,
      keeper: this,
      commits: this.commits,
      options: options.ownership,
      longestDrainMs: options.ownership.drainMs + this.#abandonMs,
      ended: this.#ended.signal,
    })
  }

  get stallWatch(): StallWatch {
    return this.#stalls.watch
  }

  get options(): ResolvedOptions {
    return this.#parts.options
  }

  /** What the monotonic clock said, in ms since 1970. */
  wallTime(at: number): number {
    const { clock } = this.#parts
    return Math.round(clock.wallTime() - clock.now() + at)
  }

  /** Resolves once the first partitions are owned; until then network trouble is waited out. */
  async start(): Promise<void> {
    const storage = this.#storage
    if (storage instanceof KafkaOffsetStorage) {
      const look = async () => {
        if (membershipOf(this.ownership) === null) await storage.refuseLiveGroup()
        else this.#knownTopics = new Set(await storage.topics())
      }
      const { clock, random, logger } = this.#parts
      await persist('the group', look, { clock, random, logger, signal: this.#closing.signal })
    }
    await this.sinks.start(this.#parts.routes)
    await this.threads?.start()
    await this.ownership.start(observedListener(this.#owner, this.#parts.observation))
  }

  // ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  own({ topic, partition }: TopicPartition, route: number): Claim {
    const { sieve, retries } = this.#routeOf(route)
    const claim = this.#claim({
      topic,
      partition,
      route,
      committed: -1,
      host: this,
      paused: this.claims.isPaused(topic, partition),
      metadataLimit: this.#metadata.limit,
      sieve,
      circuit: this.breaker?.circuit({ topic, partition }) ?? null,
      due: retries === null ? null : { at: dueAt, clock: this.#parts.clock },
      once: once(this.options, this.#work[route] as Route<AnyMessage>, this.#parts.clock, this.commits),
      reservoir: events => this.fetching.reservoir(topic, partition, -1, events),
    })
    this.claims.add(claim)
    return claim
  }

  #claim(parts: ClaimParts): Claim {
    return this.transactions === null ? new Claim(parts) : new TransactedClaim(parts, this.transactions)
  }

  #routeOf(route: number): ConsumerRoute {
    return this.#parts.routes[route] as ConsumerRoute
  }

  begin(claims: readonly Claim[]): void {
    const { fatal } = this.#parts
    this.sinks.prepare(claims, ({ route }) => this.#routeOf(route).onFailure, {
      begin: ready => this.#startOffsets.load(ready),
      failed: error => {
        if (!this.#closing.signal.aborted) fatal(error)
      },
    })
  }

  drain(claims: readonly Claim[]): Promise<number> {
    for (const claim of claims) claim.draining = true
    const { drainMs } = this.#parts.options.ownership
    return this.dispatcher.drain(claims, { drainMs, abandonMs: this.#abandonMs, reason: 'revoked' })
  }

  abandon(claims: readonly Claim[]): void {
    for (const claim of claims) this.#end(claim)
    this.dispatcher.abandon(claims)
    for (const claim of claims) this.release(claim)
  }

  replace(claim: Claim): Claim {
    this.abandon([claim])
    return this.own(claim, claim.route)
  }

  release(claim: Claim): void {
    this.#end(claim)
    this.workLog.ended(claim)
    this.fetching.remove(claim)
    this.commits?.remove(claim)
    this.transactions?.removed(claim)
    this.claims.remove(claim)
  }

  #end(claim: Claim): void {
    if (claim.live) tellLost(claim, this.#parts.logger)
    claim.end()
  }

  wakeAll(): void {
    for (const claim of this.claims) this.dispatcher.wake(claim)
  }

  /** A new claim at another position: results of older messages are dropped. */
  seek({ topic, partition }: TopicPartition, position: number | StartPosition): void {
    const claim = this.claims.get(topic, partition)
    if (claim === undefined || claim.draining) {
      const message = `${partitionName(topic, partition)} is not owned, so nothing can be sought in it`
      throw new MillraceError('NOT_OWNED', message, { topic, partition })
    }
    const { committed } = claim
    const next = this.replace(claim)
    if (typeof position === 'number') this.#begin(next, position, { committed })
    else this.#begin(next, -1, { committed, lookup: position })
  }

  setPaused(paused: boolean, partitions: readonly TopicPartition[] | undefined): void {
    for (const claim of this.claims.setPaused(paused, partitions)) {
      if (claim.paused) continue
      this.dispatcher.wake(claim)
      this.fetching.wake(claim)
    }
  }

  /**
   * A partition that was added to a topic which the group reads begins at its first message, whatever `start` says: nobody has read it,
   * and nothing is to be missed of it.
   */
  #found(claim: Claim, committed: CommittedOffset | null): void {
    if (claim.draining) return
    const { offset = -1, leaderEpoch = -1 } = committed ?? {}
    if (committed !== null && !claim.gaps.recall(committed)) this.#metadata.foreign(claim)
    const unread = committed === null && (claim.added || this.#knownTopics.has(claim.topic))
    this.#begin(claim, offset, { committed: offset, leaderEpoch, ...(unread ? { lookup: 'earliest' } : {}) })
  }

  /** `leaderEpoch` is that of what lies before `position`; `lookup`: where it begins when that is -1, if not by the option. */
  #begin(
    claim: Claim,
    position: number,
    { committed, leaderEpoch = -1, lookup }: { committed: number; leaderEpoch?: number; lookup?: StartPosition },
  ): void {
    claim.committed = committed
    const where = lookup ?? this.options.offsets.start
    // An offset that was named is the next owner's as well, so nobody waits for its commit.
    const named = typeof where === 'object' && 'offset' in where
    claim.positioning = position < 0 && committed < 0 && !named
    claim.reservoir.moveTo(position, leaderEpoch)
    this.commits?.add(claim, committed)
    this.dispatcher.add(claim, this.#work[claim.route] as Route<AnyMessage>)
    this.fetching.add(claim, lookup)
  }

  #dispatchable(claim: Claim): void {
    claim.awaitingCommit = false
    this.dispatcher.wake(claim)
  }

  // ── what claims tell ────────────────────────────────────────────────────────────────────────────────────────────────

  get gateOpen(): boolean {
    return !this.#overdue && (this.ownership.lease?.open ?? true)
  }

  filled(claim: Claim): void {
    this.dispatcher.wake(claim)
  }

  reset(claim: Claim): void {
    const { commits } = this
    if (commits === null) return
    claim.awaitingCommit = true
    // Ends without being acknowledged: the loop goes on trying, and `#committed` tells when it worked.
    commits.reset(claim).then(
      results => {
        if (results.every(result => result.error === null)) this.#dispatchable(claim)
      },
      () => {},
    )
  }

  /**
   * What is not done below comes again, and with it what is done above that; what runs for messages that the log lost gets its signal,
   * and does not count. What was done of those stays done: only the log forgot them.
   */
  rewind(claim: Claim, offset: number, leaderEpoch: number): void {
    // Whoever is next to own it will see for himself.
    if (claim.draining) return
    // Nothing is begun any more, so that what was committed ahead is given back.
    this.dispatcher.abandon([claim])
    const { committed, committable } = claim
    const undone = committable >= 0 && committable < offset
    const from = undone ? committable : offset
    const epoch = undone ? claim.leaderEpoch : leaderEpoch
    const next = this.replace(claim)
    this.#begin(next, from, { committed, leaderEpoch: epoch })
    next.reset(from)
  }

  /** What they did since their last commit does not count: they begin again where the group is. */
  #again(claims: readonly Claim[]): void {
    const next: Claim[] = []
    for (const claim of claims) {
      // Whoever is next to own it begins there.
      if (claim.draining) this.abandon([claim])
      else {
        const again = this.replace(claim)
        again.added = claim.added
        next.push(again)
      }
    }
    this.begin(next)
  }

  recreated(claim: Claim): void {
    // Nothing may be committed for it any more, or the new topic would be begun there.
    if (claim.draining) this.abandon([claim])
    else void this.#owner.recreated(claim)
  }

  /** Whatever was committed was so for another topic. */
  beginAnew(claim: Claim): void {
    this.#begin(claim, -1, { committed: -1 })
  }

  corrupt(claim: Claim, error: MillraceError): void {
    const { topic, partition } = claim
    this.#parts.logger.error({ err: error, topic, partition }, error.message)
    this.tell('corrupt', { topic, partition, offset: error.offset ?? claim.reservoir.delivered, error })
  }

  fail(_claim: Claim, error: MillraceError): void {
    this.#parts.fatal(error)
  }

  // ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Drains, commits what is done, and ends everything. */
  async close({ drainMs, leave, hurry }: EngineCloseOptions): Promise<CloseResult> {
    const { clock } = this.#parts
    const ended = new AbortController()
    this.#closing.abort()
    this.#startOffsets.close()
    this.ownership.stop()
    const claims = [...this.claims]
    for (const claim of claims) claim.draining = true
    const abandonMs = this.#abandonMs
    const undone = await this.dispatcher.drain(claims, {
      drainMs,
      get abandonMs() {
        return hurry.aborted ? Math.min(abandonMs, HURRY_MS) : abandonMs
      },
      reason: 'closing',
      hurry,
    })
    await this.#owner.release(claims, { commitMs: LAST_COMMIT_MS, callbackMs: hurry.aborted ? HURRY_MS : drainMs })
    await this.ownership.close({ leave })
    for (const claim of [...this.claims]) this.release(claim)
    this.dispatcher.close()
    this.breaker?.close()
    await this.threads?.close()
    this.#ended.abort(new ClosedError('The consumer'))
    await Promise.all([this.sinks.close(), this.transactions?.close()])
    // The client first: it ends the requests that the others wait for.
    if (this.#ownsClient) await this.native?.close()
    // A storage that never answers, or a shared client's request, must not keep the consumer from closing.
    const closed = Promise.all([this.fetching.close(), this.commits?.close()])
    await Promise.race([closed, sleep(clock, LAST_CLOSE_MS, ended.signal).catch(() => {})])
    ended.abort()
    return { drained: undone === 0, undone }
  }

  // ── managers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #committed(offsets: readonly CommittedOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const claim = this.claims.get(topic, partition)
      if (claim === undefined) continue
      claim.committed = offset
      if (claim.grant !== null) {
        claim.grant.acknowledged(offset)
        this.dispatcher.wake(claim)
      }
      if (claim.awaitingCommit) this.#dispatchable(claim)
    }
    this.tell('committed', offsets)
  }
}
