import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { isFatal } from '../client/fatal.ts'
import type { FetchedPartition, LowLevelClient } from '../client/low-level-client.ts'
import { Budget } from './budget.ts'
import type { FetchClaim } from './claim.ts'
import { Feed } from './feed.ts'
import { FetchLoop, type LoopOwner } from './fetch-loop.ts'
import { Leaders } from './leaders.ts'
import type { FetchEvents, FetchOptions, FetchState, StartPosition } from './options.ts'
import { Positions } from './positions.ts'
import { Reservoir, type ReservoirEvents } from './reservoir.ts'

export interface FetchingOptions {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly options: FetchOptions
  /** Of this process; default null: partitions are read from their leaders. */
  readonly rack?: string | null
  /** Where partitions begin for which nothing was committed. */
  readonly start: StartPosition
  readonly events: FetchEvents
}

/**
 * Keeps the reservoirs of all claims full: knows which broker leads each partition, runs a loop per leader and connection, and decides
 * what an error means for a partition. Whatever fails is tried again with growing waits, visible in `state`; only what no waiting
 * heals fails the claim.
 */
export class Fetching implements LoopOwner {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly options: FetchOptions
  readonly rack: string | null
  readonly budget: Budget
  readonly #start: StartPosition
  readonly #events: FetchEvents
  readonly #feeds = new Map<FetchClaim, Feed>()
  /** By node id; each has at most `fetchers`. */
  readonly #loops = new Map<number, FetchLoop[]>()
  readonly #ending = new Set<Promise<void>>()
  readonly #leaders: Leaders
  readonly #positions: Positions
  #loopCount = 0
  /** Of loops that ended. */
  #fetchedBytes = 0
  #endedIdleMs = 0

  constructor({ client, clock, random, logger, options, rack = null, start, events }: FetchingOptions) {
    this.client = client
    this.clock = clock
    this.random = random
    this.logger = logger
    this.options = options
    this.rack = rack
    this.#start = start
    this.#events = events
    this.budget = new Budget(options.reservoir.bytes)
    this.budget.onReturn = () => {
      for (const loops of this.#loops.values()) for (const loop of loops) loop.wake()
    }
    this.#leaders = new Leaders({
      client,
      clock,
      random,
      feeds: () => this.#feeds.values(),
      found: (feed, leader, leaderEpoch, topicId) => this.#leaderFound(feed, leader, leaderEpoch, topicId),
      missing: (feed, error) => this.#leaderMissing(feed, error),
      replicaGone: feed => this.#toLeader(feed),
      recreated: (feed, topicId) => this.#recreated(feed, topicId),
      failed: (feeds, error) => this.#metadataFailed(feeds, error),
    })
    this.#positions = new Positions({
      client,
      clock,
      logger,
      options,
      start,
      events,
      wentWrong: (feed, error) => this.wentWrong(feed, error),
      refresh: feed => this.#leaders.refresh(feed),
    })
  }

  /** A reservoir for a claim, inside the budget of all. `position` is the first offset wanted, -1: to be looked up by `start`. */
  reservoir(topic: string, partition: number, position: number, events: ReservoirEvents): Reservoir {
    const { maxInflatedBytes, onCorrupt } = this.options
    return new Reservoir({ topic, partition, position, budget: this.budget, maxInflatedBytes, onCorrupt, events })
  }

  /**
   * Begins to fetch for a claim; `lookup` is where, when its position is not known. Default: the option. When it is known what leader
   * epoch the record before it has, the leader is asked first whether its log still has that record.
   */
  add(claim: FetchClaim, lookup: StartPosition = this.#start): void {
    const feed = new Feed(claim, this.clock, this.random)
    if (claim.reservoir.position < 0) feed.lookup = lookup
    claim.reservoir.onRoom = () => feed.loop?.roomMade()
    this.#feeds.set(claim, feed)
    this.#leaders.refresh(feed)
  }

  /** The claim was released or lost: an answer that is still under way for it is dropped. Its reservoir is the claim's to clear. */
  remove(claim: FetchClaim): void {
    const feed = this.#feeds.get(claim)
    if (feed === undefined) return
    this.#feeds.delete(claim)
    this.#leaders.forget(feed)
    feed.close()
    claim.reservoir.onRoom = null
    const nodeId = feed.loop?.nodeId
    this.#leave(feed)
    if (nodeId !== undefined) this.#even(nodeId)
  }

  /** The claim was resumed. That room was made in its reservoir is seen without this. */
  wake(claim: FetchClaim): void {
    this.#feeds.get(claim)?.loop?.wake()
  }

  /** Null for a claim that was not added, or was removed. */
  state(claim: FetchClaim): FetchState | null {
    return this.#feeds.get(claim)?.state ?? null
  }

  /** Resolves when no request is under way any more. No claim is told anything from now on. */
  async close(): Promise<void> {
    for (const feed of this.#feeds.values()) this.#leave(feed)
    for (const claim of [...this.#feeds.keys()]) this.remove(claim)
    this.budget.onReturn = null
    await Promise.all([this.#leaders.close(), this.#positions.close(), ...this.#ending])
  }

  /** How long fetch connections had nothing to ask: full reservoirs, pauses, waits after errors. The sum of all. */
  get idleMs(): number {
    let sum = this.#endedIdleMs
    for (const loops of this.#loops.values()) for (const loop of loops) sum += loop.idleMs
    return sum
  }

  /** What answers brought, since the start. */
  get fetchedBytes(): number {
    return this.#fetchedBytes
  }

  fetched(bytes: number): void {
    this.#fetchedBytes += bytes
  }

  get loopCount(): number {
    return Math.max(1, this.#loopCount)
  }

  wentWell(feed: Feed): void {
    feed.untried = false
    if (feed.recover()) this.logger.info(placeOf(feed), 'the partition is fetched again')
  }

  wentWrong(feed: Feed, error: MillraceError): void {
    this.#waitOut(feed, error)
    // Whatever it is, another leader may know better.
    if (feed.active) this.#leaders.refresh(feed)
  }

  preferred(feed: Feed, node: number): void {
    this.logger.debug({ ...placeOf(feed), node, leader: feed.leader }, 'the leader names a nearer replica')
    feed.replica.prefer(node, () => this.#toLeader(feed))
    this.#moveTo(feed, node)
  }

  replicaFailed(feed: Feed, error: MillraceError): void {
    const { node } = feed.replica
    this.logger.info(
      { ...placeOf(feed), node, leader: feed.leader, err: error },
      'a replica failed, its leader goes on',
    )
    feed.replica.failed()
    this.#toLeader(feed)
    this.#leaders.refresh(feed)
  }

  outOfRange(feed: Feed, fetched: FetchedPartition): void {
    this.#positions.outOfRange(feed, fetched)
  }

  unreadable(feed: Feed, error: MillraceError): void {
    const corrupt = error.code === 'CORRUPT_BATCH' || error.code === 'CORRUPT_MESSAGE'
    if (!corrupt || this.options.onCorrupt === 'fail') feed.fail(error)
    else if (!feed.reservoir.passOver(error)) this.wentWrong(feed, error)
  }

  brokerFailed(feeds: readonly Feed[], error: MillraceError, news: boolean): void {
    for (const feed of feeds) {
      if (isFatal(error)) {
        feed.fail(error)
        continue
      }
      if (news) this.#troubled(feed, error)
      this.#leaders.refresh(feed)
    }
  }

  #leaderFound(feed: Feed, leader: number, leaderEpoch: number, topicId: string | null): void {
    const moved = feed.leader !== leader
    const news = moved || leaderEpoch > feed.leaderEpoch
    feed.leaderEpoch = leaderEpoch
    feed.topicId = topicId
    feed.claim.identify(topicId)
    feed.leader = leader
    // One that is new may know of another nearer replica, or of none.
    if (news) this.#toLeader(feed)
    if (!news) {
      this.#positions.confirmed(feed)
      return
    }
    this.#positions.elected(feed)
    feed.retryNow()
    this.#proceed(feed)
  }

  #toLeader(feed: Feed): void {
    feed.replica.leave()
    if (feed.active && feed.loop?.nodeId !== feed.leader) this.#moveTo(feed, feed.leader)
  }

  #moveTo(feed: Feed, nodeId: number): void {
    const from = feed.loop?.nodeId
    this.#leave(feed)
    this.#loopFor(nodeId).add(feed)
    if (from !== undefined) this.#even(from)
  }

  /** A leader that is known stays: if it is gone, its fetches tell. */
  #leaderMissing(feed: Feed, error: MillraceError): void {
    if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#events.topicMissing()
    if (feed.leader === -1 || feed.outOfRange !== null || isFatal(error)) this.#waitOut(feed, error)
  }

  #recreated(feed: Feed, topicId: string): void {
    this.logger.warn(
      { ...placeOf(feed), topicId, before: feed.topicId },
      'the topic was deleted, and created anew: its partition is another one, and is read from where the start policy says',
    )
    feed.close()
    feed.claim.recreated()
  }

  #metadataFailed(feeds: readonly Feed[], error: MillraceError): void {
    for (const feed of feeds) {
      if (isFatal(error)) feed.fail(error)
      else if ((feed.leader === -1 || feed.outOfRange !== null) && feed.note(error)) this.#troubled(feed, error)
    }
  }

  #waitOut(feed: Feed, error: MillraceError): void {
    if (isFatal(error)) feed.fail(error)
    else if (feed.backOff(error, () => this.#proceed(feed))) this.#troubled(feed, error)
  }

  /** Does for a partition what comes next. */
  #proceed(feed: Feed): void {
    if (!feed.active) return
    if (feed.leader === -1) this.#leaders.refresh(feed)
    else if (feed.located) feed.loop?.wake()
    else this.#positions.ask(feed)
  }

  #troubled(feed: Feed, error: MillraceError): void {
    const { topic, partition } = feed.claim
    this.logger.warn(
      { topic, partition, code: error.code, err: error },
      'the partition cannot be fetched; it is tried again',
    )
    this.#events.failed({ topic, partition }, error)
  }

  /** The loop to this broker with the fewest partitions. */
  #loopFor(nodeId: number): FetchLoop {
    const loops = this.#loops.get(nodeId) ?? []
    this.#loops.set(nodeId, loops)
    if (loops.length < this.options.fetchers && loops.every(loop => loop.size > 0)) {
      const taken = new Set(loops.map(loop => loop.connection))
      let connection = 0
      while (taken.has(connection)) connection++
      const loop = new FetchLoop(this, nodeId, connection)
      loops.push(loop)
      this.#loopCount++
      return loop
    }
    return loops.reduce((least, loop) => (loop.size < least.size ? loop : least))
  }

  /** Where a connection to this broker has two partitions less than another, it gets one of those. */
  #even(nodeId: number): void {
    const loops = this.#loops.get(nodeId) ?? []
    const sizes = loops.map(({ size }) => size)
    const least = loops.length < this.options.fetchers ? 0 : Math.min(...sizes)
    const fullest = loops.find(({ size }) => size === Math.max(...sizes))
    const feed = fullest !== undefined && fullest.size - least >= 2 ? fullest.next : undefined
    if (feed === undefined) return
    this.#leave(feed)
    this.#loopFor(nodeId).add(feed)
  }

  /** Takes a partition from its loop, and ends the loop that has no other. */
  #leave(feed: Feed): void {
    const { loop } = feed
    if (loop === null) return
    loop.remove(feed)
    if (loop.size > 0) return
    const rest = (this.#loops.get(loop.nodeId) ?? []).filter(other => other !== loop)
    if (rest.length > 0) this.#loops.set(loop.nodeId, rest)
    else this.#loops.delete(loop.nodeId)
    this.#loopCount--
    this.#endedIdleMs += loop.idleMs
    const ending = loop.close().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }
}

function placeOf({ claim: { topic, partition } }: Feed): object {
  return { topic, partition }
}
