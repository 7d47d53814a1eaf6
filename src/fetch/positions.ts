import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { EpochEnd, EpochQuery, LowLevelClient } from '../client/low-level-client.ts'
import type { Feed, OutOfRangeAnswer } from './feed.ts'
import { LeaderCalls } from './leader-calls.ts'
import type { FetchEvents, FetchOptions, StartPosition } from './options.ts'
import { PositionLookup } from './position-lookup.ts'

export interface PositionsOptions {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly logger: Logger
  readonly options: FetchOptions
  readonly start: StartPosition
  readonly events: FetchEvents
  /** It is waited out, or the claim fails. */
  readonly wentWrong: (feed: Feed, error: MillraceError) => void
  /** Looks up the leader, and so the topic's id. */
  readonly refresh: (feed: Feed) => void
}

/**
 * Where partitions go on: at the start, when their position does not exist, and when the log was truncated (KIP-320). A partition is
 * not fetched before that is known.
 */
export class Positions {
  readonly #options: PositionsOptions
  readonly #lookup: PositionLookup
  readonly #ends: LeaderCalls<EpochEnd>

  constructor(options: PositionsOptions) {
    const { client, clock } = options
    this.#options = options
    this.#lookup = new PositionLookup({
      client,
      clock,
      isolation: options.options.isolation,
      found: (feed, offset, leaderEpoch, exists) => this.#found(feed, offset, leaderEpoch, exists),
      failed: options.wentWrong,
    })
    this.#ends = new LeaderCalls({
      clock,
      doing: 'Looking up the end of a leader epoch',
      call: async feeds => (await client.offsetsForLeaderEpoch?.(feeds.map(epochOf))) ?? [],
      answered: (feed, end) => this.#checked(feed, end),
      failed: (feed, error) => this.#notChecked(feed, error),
    })
  }

  async close(): Promise<void> {
    await Promise.all([this.#lookup.close(), this.#ends.close()])
  }

  /** Asks what there is to ask for a partition that is not located. */
  ask(feed: Feed): void {
    if (feed.outOfRange !== null) this.#options.refresh(feed)
    else if (feed.lookup !== null) this.#lookup.ask(feed)
    else if (feed.unchecked) this.#ends.ask(feed)
  }

  /** There is a new leader: its log may lack what was read from the one before. */
  elected(feed: Feed): void {
    const known = feed.lookup === null && feed.leaderEpoch >= 0 && feed.reservoir.leaderEpoch >= 0
    feed.unchecked = known && this.#options.client.offsetsForLeaderEpoch !== undefined
    feed.outOfRange = null
  }

  /** The position does not exist. In another topic of the same name it would not have to, so that is looked up first. */
  outOfRange(feed: Feed, told: OutOfRangeAnswer): void {
    feed.outOfRange = told
    // Without ids no topic is known to be another.
    if (feed.topicId === null) this.confirmed(feed)
    else this.#options.refresh(feed)
  }

  /** The leader was looked up: the topic is the same, and so is the leader. */
  confirmed(feed: Feed): void {
    const { outOfRange: told } = feed
    if (told === null) return
    feed.outOfRange = null
    this.#decide(feed, told)
  }

  /** What was fetched before comes first: a policy would commit past it. */
  #decide(feed: Feed, { error, logStartOffset, highWatermark }: OutOfRangeAnswer): void {
    const { logger, events, wentWrong } = this.#options
    const { reservoir } = feed
    const { topic, partition, position } = reservoir
    const policy = this.#policyFor(feed)
    if (policy !== 'fail' && reservoir.batchBytes > 0 && error !== null) {
      wentWrong(feed, error)
      return
    }
    events.outOfRange({ topic, partition, position, logStartOffset, highWatermark, policy })
    if (policy === 'fail') {
      feed.fail(outOfRange(feed, { error, logStartOffset, highWatermark }))
    } else {
      logger.warn({ topic, partition, offset: position, policy }, 'the offset is out of range; the policy decides')
      feed.lookup = policy
      feed.unchecked = false
      if (feed.untried && error !== null) wentWrong(feed, error)
      else this.#lookup.ask(feed)
    }
  }

  #policyFor(feed: Feed): 'fail' | StartPosition {
    const { options, start } = this.#options
    if (options.onOutOfRange !== undefined) return options.onOutOfRange
    const startsAtOffset = typeof start === 'object' && 'offset' in start
    return feed.claim.committed >= 0 || startsAtOffset ? 'fail' : start
  }

  #found(feed: Feed, offset: number, leaderEpoch: number, exists: boolean): void {
    if (exists) this.#goOn(feed, offset, leaderEpoch)
    else this.#moveTo(feed, offset, leaderEpoch)
  }

  #checked(feed: Feed, { endOffset, leaderEpoch }: EpochEnd): void {
    const { topic, partition, position } = feed.reservoir
    if (endOffset < 0 || leaderEpoch < 0) {
      this.outOfRange(feed, { error: unknownEpoch(feed), logStartOffset: -1, highWatermark: -1 })
      return
    }
    feed.unchecked = false
    if (endOffset >= position) {
      feed.loop?.wake()
      return
    }
    const event = { topic, partition, position, endOffset, leaderEpoch }
    this.#options.logger.warn(
      event,
      'the log was truncated: what was read last is no longer in it; the partition goes on where the two part',
    )
    this.#options.events.truncated(event)
    this.#goOn(feed, endOffset, leaderEpoch)
  }

  #notChecked(feed: Feed, error: MillraceError): void {
    if (error.code !== 'UNSUPPORTED_VERSION') {
      this.#options.wentWrong(feed, error)
      return
    }
    // A broker that old cannot tell.
    feed.unchecked = false
    feed.loop?.wake()
  }

  /** Goes on at an offset that a broker named. A claim that has fetched something never goes back: another takes its place. */
  #goOn(feed: Feed, offset: number, leaderEpoch: number): void {
    const { claim, reservoir } = feed
    if (offset < reservoir.position && reservoir.highWatermark >= 0) {
      feed.close()
      claim.rewind(offset, leaderEpoch)
      return
    }
    this.#moveTo(feed, offset, leaderEpoch)
    claim.reset(offset)
  }

  #moveTo(feed: Feed, offset: number, leaderEpoch: number): void {
    feed.untried = true
    feed.untold = true
    feed.reservoir.moveTo(offset, leaderEpoch)
    feed.loop?.wake()
  }
}

function epochOf({ claim: { topic, partition }, reservoir: { leaderEpoch } }: Feed): EpochQuery {
  return { topic, partition, leaderEpoch }
}

function outOfRange(feed: Feed, { error, logStartOffset, highWatermark }: OutOfRangeAnswer): MillraceError {
  const { topic, partition, position: offset } = feed.reservoir
  const range =
    logStartOffset >= 0 && highWatermark >= 0 ? `; the broker has ${logStartOffset} to ${highWatermark}` : ''
  return new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `Offset ${offset} of ${feed.name} does not exist${range}: the log was truncated, or retention deleted that offset. Choose where to ` +
      "go on with fetch.onOutOfRange ('earliest' or 'latest'), or by committing another offset",
    { topic, partition, offset, cause: error },
  )
}

function unknownEpoch(feed: Feed): MillraceError {
  const { topic, partition, position: offset, leaderEpoch } = feed.reservoir
  return new MillraceError(
    'UNKNOWN_EPOCH',
    `The leader of ${feed.name} does not know the leader epoch ${leaderEpoch}, in which the message before offset ${offset} was written`,
    { topic, partition, offset, retriable: true },
  )
}
