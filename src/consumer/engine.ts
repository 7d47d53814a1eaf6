import { exponential } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import { Fetching } from '../fetch/fetching.ts'
import type { StartPosition } from '../fetch/options.ts'
import { CommitLoop } from '../offsets/commit-loop.ts'
import { KafkaOffsetStorage } from '../offsets/kafka-storage.ts'
import type { CommittedOffset, OffsetStorage } from '../offsets/storage.ts'
import type { AssignedPartition, ConsumerCoordinator, OwnershipListener } from '../ownership/coordinator.ts'
import { StaticCoordinator } from '../ownership/static-coordinator.ts'
import { Dispatcher } from '../work/dispatcher.ts'
import type { Route } from '../work/route.ts'
import { type AnyMessage, Claim, type ClaimHost } from './claim.ts'
import { Claims } from './claims.ts'
import type { CloseResult, Tell } from './events.ts'
import { commitLast } from './last-commit.ts'
import type { EngineParts } from './parts.ts'
import { nativeClient, offsetStorage } from './resources.ts'
import { WorkLog } from './work-log.ts'

/** Messages of one partition that may be left or held: as long as gaps are not committed, each would come again. */
const MAX_UNDONE = 1_000
const RECOMMIT_MS = 86_400_000
/** How long handlers have to settle after their signal when somebody is in a hurry. */
const HURRY_MS = 1_000
/** How long requests that are still under way may keep the consumer from being closed. */
const LAST_CLOSE_MS = 1_000

/** A running consumer: makes the four managers, hands them their claims, and ends them in order. */
export class Engine implements ClaimHost, OwnershipListener {
  readonly claims = new Claims()
  readonly native: NativeClient | null
  readonly fetching: Fetching
  readonly dispatcher: Dispatcher<AnyMessage>
  readonly commits: CommitLoop | null
  readonly ownership: ConsumerCoordinator
  readonly workLog: WorkLog
  readonly tell: Tell
  readonly #parts: EngineParts
  readonly #storage: OffsetStorage | null
  readonly #closing = new AbortController()
  readonly #ownsClient: boolean
  #overdue = false

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.tell = parts.tell
    this.workLog = new WorkLog(parts)
    const { options, clock, random, logger } = parts
    this.#ownsClient = !(options.client instanceof NativeClient)
    this.native = nativeClient(parts)
    const client = options.client ?? (this.native as LowLevelClient)
    this.#storage = offsetStorage(parts, this.native)
    this.commits = this.#storage === null ? null : this.#commitLoop(this.#storage)
    this.fetching = new Fetching({
      client,
      clock,
      random,
      logger,
      options: options.fetch,
      start: options.offsets.start,
      events: {
        outOfRange: event => parts.tell('out-of-range', event),
        stalled: ({ topic, partition }, error) => parts.tell('stalled', { topic, partition, error }),
      },
    })
    const { concurrency, perPartition, maxAbandoned } = options.work
    this.dispatcher = new Dispatcher<AnyMessage>({
      options: { concurrency, perPartition, maxAbandoned, maxUndone: MAX_UNDONE },
      clock,
      random,
      logger,
      events: this.workLog,
    })
    this.ownership = new StaticCoordinator({
      client,
      clock,
      random,
      logger,
      subscription: parts.subscription,
      missingTopics: options.ownership.missingTopics,
      refreshMs: options.ownership.refreshMs,
      backoff: exponential(250, 5_000),
    })
  }

  /** Resolves once the first partitions are owned; until then network trouble is waited out. */
  async start(): Promise<void> {
    const storage = this.#storage
    if (storage instanceof KafkaOffsetStorage) await this.#persist('the group', () => storage.refuseLiveGroup())
    await this.ownership.start(this)
  }

  // ── ownership ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async assigned(partitions: readonly AssignedPartition[]): Promise<void> {
    const committed = await this.#load(partitions)
    this.#closing.signal.throwIfAborted()
    for (const { topic, partition, route } of partitions) {
      const offset = committed.get(partitionName(topic, partition))?.offset ?? -1
      this.#begin({ topic, partition }, route, offset, offset)
    }
    this.tell('assigned', partitions)
  }

  async revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const claims = this.claims.of(partitions)
    await this.#drain(claims, 'revoked', this.#parts.options.ownership.drainMs)
    await this.commits?.commit(claims)
    for (const claim of claims) this.#end(claim)
    this.tell('revoked', partitions)
  }

  async lost(partitions: readonly TopicPartition[]): Promise<void> {
    const claims = this.claims.of(partitions)
    for (const claim of claims) claim.end()
    this.dispatcher.abandon(claims)
    for (const claim of claims) this.#end(claim)
    this.tell('lost', partitions)
  }

  fatal(error: MillraceError): void {
    this.#parts.fatal(error)
  }

  /** A new claim at another position: results of older messages are dropped. */
  seek({ topic, partition }: TopicPartition, position: number | StartPosition): void {
    const claim = this.claims.get(topic, partition)
    if (claim === undefined) {
      const message = `${partitionName(topic, partition)} is not owned, so nothing can be sought in it`
      throw new MillraceError('NOT_OWNED', message, { topic, partition })
    }
    const { committed } = claim
    claim.end()
    this.dispatcher.abandon([claim])
    this.#end(claim)
    if (typeof position === 'number') this.#begin(claim, claim.route, position, committed)
    else this.#begin(claim, claim.route, -1, committed, position)
  }

  setPaused(paused: boolean, partitions: readonly TopicPartition[] | undefined): void {
    for (const claim of this.claims.setPaused(paused, partitions)) {
      if (claim.paused) continue
      this.dispatcher.wake(claim)
      this.fetching.wake(claim)
    }
  }

  // ── what claims tell ────────────────────────────────────────────────────────────────────────────────────────────────

  get gateOpen(): boolean {
    return !this.#overdue
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

  corrupt(claim: Claim, error: MillraceError): void {
    const { topic, partition } = claim
    this.#parts.logger.error({ err: error, topic, partition }, error.message)
    this.tell('corrupt', { topic, partition, offset: error.offset ?? claim.reservoir.delivered, error })
  }

  fail(_claim: Claim, error: MillraceError): void {
    this.#parts.fatal(error)
  }

  // ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Drains, commits what is done, and ends everything. `hurry`: abort the handlers now. */
  async close(drainMs: number, hurry: AbortSignal): Promise<CloseResult> {
    const { clock } = this.#parts
    const ended = new AbortController()
    this.#closing.abort()
    await this.ownership.close({ leave: true })
    const undone = await this.#drain([...this.claims], 'closing', drainMs, hurry)
    if (this.commits !== null) await commitLast(this.commits, this.#parts)
    for (const claim of [...this.claims]) this.#end(claim)
    this.dispatcher.close()
    // The client first: it ends the requests that the others wait for.
    if (this.#ownsClient) await this.native?.close()
    // A storage that never answers, or a shared client's request, must not keep the consumer from closing.
    const closed = Promise.all([this.fetching.close(), this.commits?.close()])
    await Promise.race([closed, sleep(clock, LAST_CLOSE_MS, ended.signal).catch(() => {})])
    ended.abort()
    return { drained: undone === 0, undone }
  }

  #drain(claims: Claim[], reason: 'revoked' | 'closing', drainMs: number, hurry?: AbortSignal): Promise<number> {
    const abandonMs = Math.max(...this.#parts.routes.map(route => route.abandonMs))
    return this.dispatcher.drain(claims, {
      drainMs,
      get abandonMs() {
        return hurry?.aborted ? Math.min(abandonMs, HURRY_MS) : abandonMs
      },
      reason,
      ...(hurry === undefined ? {} : { hurry }),
    })
  }

  // ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #begin(
    { topic, partition }: TopicPartition,
    route: number,
    position: number,
    committed: number,
    lookup?: StartPosition,
  ): void {
    const claim = new Claim({
      topic,
      partition,
      route,
      committed,
      host: this,
      paused: this.claims.isPaused(topic, partition),
      reservoir: events => this.fetching.reservoir(topic, partition, position, events),
    })
    this.claims.add(claim)
    this.commits?.add(claim, committed)
    this.dispatcher.add(claim, this.#parts.routes[route] as Route<AnyMessage>)
    this.fetching.add(claim, lookup)
  }

  #end(claim: Claim): void {
    claim.end()
    this.workLog.counts.done += claim.settled
    this.fetching.remove(claim)
    this.commits?.remove(claim)
    this.claims.remove(claim)
  }

  #dispatchable(claim: Claim): void {
    claim.awaitingCommit = false
    this.dispatcher.wake(claim)
  }

  /** Tries until the offsets are there: an error never means that nothing was committed. */
  async #load(partitions: readonly TopicPartition[]): Promise<Map<string, CommittedOffset>> {
    const found = new Map<string, CommittedOffset>()
    const storage = this.#storage
    let missing = storage === null ? [] : [...partitions]
    if (storage === null) return found
    await this.#persist('offsets', async () => {
      const results = await storage.load(missing)
      const failed = results.filter(result => result.error !== null)
      for (const { topic, partition, error, committed } of results) {
        if (error === null && committed !== null) found.set(partitionName(topic, partition), committed)
      }
      missing = failed.map(({ topic, partition }) => ({ topic, partition }))
      const worst = failed.find(result => result.error?.retriable === false) ?? failed[0]
      if (worst?.error) throw worst.error
    })
    return found
  }

  /** Does something until it works; only an error that says that no waiting heals it is thrown. */
  async #persist(what: string, action: () => Promise<void>): Promise<void> {
    const { clock, random, logger } = this.#parts
    const backoff = exponential(250, 5_000)
    for (let attempt = 1; ; attempt++) {
      this.#closing.signal.throwIfAborted()
      try {
        return await action()
      } catch (thrown) {
        const error = toError(thrown)
        const final = error instanceof MillraceError && !error.retriable
        if (final || this.#closing.signal.aborted) throw error
        logger.warn({ err: error, attempt }, `${what} could not be looked up: ${error.message}`)
        await sleep(clock, backoff(attempt, random), this.#closing.signal)
      }
    }
  }

  // ── managers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #commitLoop(storage: OffsetStorage): CommitLoop {
    const { options, clock, random, logger } = this.#parts
    const { commitIntervalMs, maxCommitAgeMs } = options.offsets
    return new CommitLoop({
      storage,
      clock,
      random,
      logger,
      options: { commitIntervalMs, maxCommitAgeMs, recommitMs: RECOMMIT_MS, backoff: exponential(250, 5_000) },
      events: {
        committed: offsets => this.#committed(offsets),
        failing: () => {},
        overdue: overdue => {
          this.#overdue = overdue
          if (!overdue) for (const claim of this.claims) this.dispatcher.wake(claim)
        },
        fatal: error => this.#parts.fatal(error),
      },
    })
  }

  #committed(offsets: readonly CommittedOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const claim = this.claims.get(topic, partition)
      if (claim === undefined) continue
      claim.committed = offset
      if (claim.awaitingCommit) this.#dispatchable(claim)
    }
    this.tell('committed', offsets)
  }
}
