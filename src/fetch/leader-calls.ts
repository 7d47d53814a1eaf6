import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { toMillraceError } from './failure.ts'
import type { Feed } from './feed.ts'

export interface LeaderAnswer extends TopicPartition {
  readonly error: MillraceError | null
}

export interface LeaderCallsOptions<A extends LeaderAnswer> {
  readonly clock: Clock
  /** What is done, for errors: `Looking up offsets`. */
  readonly doing: string
  /** Asks for these, which have the same leader. */
  readonly call: (feeds: readonly Feed[]) => Promise<readonly A[]>
  readonly answered: (feed: Feed, answer: A) => void
  readonly failed: (feed: Feed, error: MillraceError) => void
}

/** Asks the leaders something about their partitions, with one request per leader for all that ask together. */
export class LeaderCalls<A extends LeaderAnswer> {
  readonly #options: LeaderCallsOptions<A>
  readonly #asked = new Set<Feed>()
  readonly #calls = new Set<Promise<void>>()

  constructor(options: LeaderCallsOptions<A>) {
    this.#options = options
  }

  /** Changes nothing while this partition waits for an answer. */
  ask(feed: Feed): void {
    if (feed.asking) return
    feed.asking = true
    this.#asked.add(feed)
    if (this.#asked.size === 1) this.#options.clock.soon(() => this.#send())
  }

  /** Resolves when no request is under way any more. */
  async close(): Promise<void> {
    await Promise.all(this.#calls)
  }

  #send(): void {
    const asked = [...this.#asked].filter(feed => feed.active)
    this.#asked.clear()
    for (const feeds of Map.groupBy(asked, feed => feed.leader).values()) {
      const call = this.#call(feeds).finally(() => this.#calls.delete(call))
      this.#calls.add(call)
    }
  }

  async #call(feeds: readonly Feed[]): Promise<void> {
    const { call, doing } = this.#options
    const epochs = feeds.map(feed => feed.leaderEpoch)
    const answers = new Map<string, A>()
    let failure: MillraceError | null = null
    try {
      for (const answer of await call(feeds)) answers.set(partitionName(answer.topic, answer.partition), answer)
    } catch (thrown) {
      failure = toMillraceError(thrown, doing)
    }
    for (const [index, feed] of feeds.entries()) {
      feed.asking = false
      if (!feed.active) continue
      // A leader that is not the leader any more may have told what no longer holds.
      if (feed.leaderEpoch === epochs[index]) this.#settle(feed, answers.get(feed.name), failure)
      else this.ask(feed)
    }
  }

  #settle(feed: Feed, answer: A | undefined, failure: MillraceError | null): void {
    const { answered, failed, doing } = this.#options
    const error = failure ?? answer?.error ?? null
    if (error === null && answer !== undefined) answered(feed, answer)
    else failed(feed, error ?? unanswered(feed, doing))
  }
}

/** The answer says nothing of this partition. */
export function unanswered(feed: Feed, doing: string): MillraceError {
  const { topic, partition } = feed.claim
  return new MillraceError('INCOMPLETE_ANSWER', `${doing}: the broker's answer lacks ${feed.name}`, {
    topic,
    partition,
    retriable: true,
  })
}
