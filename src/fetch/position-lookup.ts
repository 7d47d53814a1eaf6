import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { FoundOffset, Isolation, LowLevelClient, OffsetQuery } from '../client/low-level-client.ts'
import { toMillraceError } from './failure.ts'
import type { Feed } from './feed.ts'
import type { StartPosition } from './options.ts'

const LATEST = -1
const EARLIEST = -2

export interface PositionLookupOptions {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly isolation: Isolation
  /** `exists`: a broker named this offset. One that the user named may not. */
  readonly found: (feed: Feed, offset: number, exists: boolean) => void
  readonly failed: (feed: Feed, error: MillraceError) => void
}

/** Finds the offsets that policies name (earliest, latest, a timestamp), with one request per leader for all that ask together. */
export class PositionLookup {
  readonly #options: PositionLookupOptions
  readonly #asked = new Set<Feed>()
  readonly #calls = new Set<Promise<void>>()

  constructor(options: PositionLookupOptions) {
    this.#options = options
  }

  /** Looks up what `feed.lookup` names, at the feed's leader. */
  ask(feed: Feed): void {
    if (feed.lookingUp) return
    feed.lookingUp = true
    this.#asked.add(feed)
    if (this.#asked.size === 1) this.#options.clock.soon(() => this.#send())
  }

  async close(): Promise<void> {
    await Promise.all(this.#calls)
  }

  #send(): void {
    const asked = [...this.#asked]
    this.#asked.clear()
    const byLeader = new Map<number, Feed[]>()
    for (const feed of asked) {
      if (!feed.active || feed.lookup === null) continue
      const offset = typeof feed.lookup === 'object' && 'offset' in feed.lookup ? feed.lookup.offset : null
      if (offset !== null) this.#found(feed, offset, false)
      else byLeader.set(feed.leader, [...(byLeader.get(feed.leader) ?? []), feed])
    }
    for (const feeds of byLeader.values()) {
      const call = this.#call(feeds).finally(() => this.#calls.delete(call))
      this.#calls.add(call)
    }
  }

  async #call(feeds: readonly Feed[]): Promise<void> {
    const { client, isolation } = this.#options
    const answers = new Map<string, FoundOffset>()
    let failure: MillraceError | null = null
    try {
      for (const found of await client.listOffsets(feeds.map(queryOf), isolation)) {
        answers.set(partitionName(found.topic, found.partition), found)
      }
    } catch (thrown) {
      failure = toMillraceError(thrown, 'Looking up offsets')
    }
    for (const feed of feeds) {
      if (feed.active && feed.lookup !== null) this.#settle(feed, answers.get(feed.name), failure)
    }
  }

  #settle(feed: Feed, answer: FoundOffset | undefined, failure: MillraceError | null): void {
    const error = failure ?? answer?.error ?? null
    if (error === null && answer !== undefined && answer.offset >= 0) {
      this.#found(feed, answer.offset, true)
    } else if (error === null && answer !== undefined && typeof feed.lookup === 'object') {
      // No message is that young.
      feed.lookup = 'latest'
      feed.lookingUp = false
      this.ask(feed)
    } else {
      feed.lookingUp = false
      this.#options.failed(feed, error ?? unanswered(feed))
    }
  }

  #found(feed: Feed, offset: number, exists: boolean): void {
    feed.lookingUp = false
    feed.lookup = null
    this.#options.found(feed, offset, exists)
  }
}

function queryOf(feed: Feed): OffsetQuery {
  return { topic: feed.claim.topic, partition: feed.claim.partition, timestamp: timestampOf(feed.lookup) }
}

function timestampOf(position: StartPosition | null): number {
  if (position === 'earliest') return EARLIEST
  return position !== null && typeof position === 'object' && 'timestamp' in position ? position.timestamp : LATEST
}

function unanswered(feed: Feed): MillraceError {
  const { topic, partition } = feed.claim
  return new MillraceError('INCOMPLETE_ANSWER', `The broker told no offset for ${feed.name}`, {
    topic,
    partition,
    retriable: true,
  })
}
