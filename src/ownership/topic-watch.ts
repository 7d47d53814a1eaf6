import type { Backoff } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { ClusterMetadata, LowLevelClient, TopicMetadata } from '../client/low-level-client.ts'
import { AmbiguousTopicError, type Subscription } from './subscription.ts'

export interface TopicWatchParts {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly subscription: Subscription
  /** What to do about a named topic or partition that does not exist. */
  readonly missingTopics: 'wait' | 'fail'
  /** How often to look for new topics and partitions, ms. */
  readonly refreshMs: number
  /** Waits between looks while something is missing or the cluster cannot be asked. */
  readonly backoff: Backoff
}

/** A topic that a route wants and that exists. */
export interface WatchedTopic {
  readonly topic: string
  readonly route: number
  /** How many partitions it has. */
  readonly partitions: number
}

export interface TopicWatcher {
  /** All that is there now; partitions that are not there yet are told by `missing`. */
  looked(topics: readonly WatchedTopic[], metadata: ClusterMetadata, missing: (name: string) => void): Promise<void>
  /** Other topics that the next look is to include. */
  others?(): Iterable<string>
  /** Looking is over: what is wrong does not pass by itself. */
  fatal(error: Error): void
}

/** Looks that are asked for come no closer together. */
const SOON_MS = 1_000

/** Follows the topics of a subscription as they appear, grow and vanish. */
export class TopicWatch {
  readonly #parts: TopicWatchParts
  readonly #ended = new AbortController()
  #soon = new AbortController()
  #waiting = new Map<string, string>()
  /** Whether the first look was taken. */
  #looked = false

  constructor(parts: TopicWatchParts) {
    this.#parts = parts
  }

  /** Named topics and partitions that do not exist, and topics that two patterns match: why each is not read. */
  get waiting(): readonly { readonly topic: string; readonly cause: string }[] {
    return [...this.#waiting].map(([topic, cause]) => ({ topic, cause }))
  }

  /** Resolves once the first look was taken, or looking ended. */
  async start(watcher: TopicWatcher): Promise<void> {
    const first = Promise.withResolvers<void>()
    await Promise.race([first.promise, this.#watch(watcher, () => first.resolve())])
  }

  /** A topic is not what it was: the next look does not wait for its time. */
  soon(): void {
    this.#soon.abort()
  }

  /** Does not wait for a look that is under way: its answer may be long in coming, and is dropped. */
  close(): void {
    this.#ended.abort()
  }

  async #watch(watcher: TopicWatcher, looked: () => void): Promise<void> {
    const { random, backoff, refreshMs, logger } = this.#parts
    const { signal } = this.#ended
    let failures = 0
    while (!signal.aborted) {
      let wait = refreshMs
      try {
        await this.#look(watcher)
        looked()
        failures = this.#waiting.size > 0 ? failures + 1 : 0
      } catch (thrown) {
        const error = toError(thrown)
        if (error instanceof MillraceError && !error.retriable) {
          if (!signal.aborted) watcher.fatal(error)
          return
        }
        failures++
        if (!signal.aborted) logger.warn({ err: error }, `topics could not be looked up: ${error.message}`)
      }
      if (failures > 0) wait = Math.min(refreshMs, backoff(failures, random))
      await this.#rest(wait)
    }
  }

  async #rest(ms: number): Promise<void> {
    const { clock } = this.#parts
    const { signal } = this.#ended
    const least = Math.min(ms, SOON_MS)
    this.#soon = new AbortController()
    const either = AbortSignal.any([signal, this.#soon.signal])
    await sleep(clock, least, signal)
      .then(() => sleep(clock, ms - least, either))
      .catch(() => {})
  }

  async #look(watcher: TopicWatcher): Promise<void> {
    const { client, subscription } = this.#parts
    const names = [...subscription.names, ...(watcher.others?.() ?? [])]
    const metadata = await client.metadata(subscription.hasPatterns ? 'all' : names)
    if (this.#ended.signal.aborted) return
    const waiting = new Map<string, string>()
    const topics: WatchedTopic[] = []
    for (const name of new Set([...subscription.names, ...metadata.topics.keys()])) {
      const topic = metadata.topics.get(name)
      const route = this.#route(name, topic, waiting)
      if (route === null) continue
      if (topic === undefined || topic.error !== null) this.#missing(name, topic?.error ?? null, waiting)
      else topics.push({ topic: name, route, partitions: topic.partitions.length })
    }
    const missing = new Map(waiting)
    await watcher.looked(topics, metadata, name => this.#missing(name, null, missing))
    this.#tellWaiting(missing)
    this.#looked = true
  }

  /** A conflict is fatal when it is seen at the start; a topic that appears later and conflicts is left alone, visibly. */
  #route(name: string, topic: TopicMetadata | undefined, waiting: Map<string, string>): number | null {
    try {
      return this.#parts.subscription.route(name, topic?.internal ?? false)
    } catch (error) {
      if (!(error instanceof AmbiguousTopicError) || !this.#looked) throw error
      waiting.set(name, error.message)
      return null
    }
  }

  #missing(name: string, error: MillraceError | null, waiting: Map<string, string>): void {
    const unknown = error === null || error.code === 'UNKNOWN_TOPIC_OR_PARTITION'
    if (!unknown && !error.retriable) throw error
    if (unknown && this.#parts.missingTopics === 'fail') {
      throw new MillraceError(
        'MISSING_TOPIC',
        `${name} does not exist. Create it, or set ownership.missingTopics to 'wait'`,
      )
    }
    waiting.set(name, unknown ? 'does not exist' : error.message)
  }

  #tellWaiting(waiting: Map<string, string>): void {
    for (const [name, cause] of waiting) {
      if (this.#waiting.get(name) !== cause) this.#parts.logger.warn({ topic: name }, `${name} is waited for: ${cause}`)
    }
    this.#waiting = waiting
  }
}
