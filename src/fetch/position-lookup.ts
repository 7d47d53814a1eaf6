import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import type { FoundOffset, Isolation, LowLevelClient, OffsetQuery } from '../client/low-level-client.ts'
import type { Feed } from './feed.ts'
import { LeaderCalls, unanswered } from './leader-calls.ts'
import type { StartPosition } from './options.ts'

const LATEST = -1
const EARLIEST = -2
const DOING = 'Looking up offsets'

export interface PositionLookupOptions {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly isolation: Isolation
  /** `leaderEpoch`: of what lies there, -1: not known. `exists`: a broker named this offset. One that the user named may not. */
  readonly found: (feed: Feed, offset: number, leaderEpoch: number, exists: boolean) => void
  readonly failed: (feed: Feed, error: MillraceError) => void
}

/** Finds the offsets that policies name: earliest, latest, a timestamp. */
export class PositionLookup {
  readonly #options: PositionLookupOptions
  readonly #calls: LeaderCalls<FoundOffset>

  constructor(options: PositionLookupOptions) {
    const { client, clock, isolation, failed } = options
    this.#options = options
    this.#calls = new LeaderCalls({
      clock,
      doing: DOING,
      call: feeds => client.listOffsets(feeds.map(queryOf), isolation),
      answered: (feed, answer) => this.#answered(feed, answer),
      failed,
    })
  }

  /** Looks up what `feed.lookup` names, at the feed's leader. */
  ask(feed: Feed): void {
    const { lookup } = feed
    const named = typeof lookup === 'object' && lookup !== null && 'offset' in lookup
    if (named) this.#found(feed, lookup.offset, -1, false)
    else this.#calls.ask(feed)
  }

  close(): Promise<void> {
    return this.#calls.close()
  }

  #answered(feed: Feed, { offset, leaderEpoch }: FoundOffset): void {
    if (offset >= 0) {
      this.#found(feed, offset, leaderEpoch, true)
    } else if (typeof feed.lookup === 'object') {
      // No message is that young.
      feed.lookup = 'latest'
      this.ask(feed)
    } else {
      this.#options.failed(feed, unanswered(feed, DOING))
    }
  }

  #found(feed: Feed, offset: number, leaderEpoch: number, exists: boolean): void {
    feed.lookup = null
    this.#options.found(feed, offset, leaderEpoch, exists)
  }
}

function queryOf(feed: Feed): OffsetQuery {
  return { topic: feed.claim.topic, partition: feed.claim.partition, timestamp: timestampOf(feed.lookup) }
}

function timestampOf(position: StartPosition | null): number {
  if (position === 'earliest') return EARLIEST
  return position !== null && typeof position === 'object' && 'timestamp' in position ? position.timestamp : LATEST
}
