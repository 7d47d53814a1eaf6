import type { Backoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { ClusterMetadata, LowLevelClient, TopicMetadata } from '../client/low-level-client.ts'
import type { AssignedPartition, ConsumerCoordinator, OwnershipListener, OwnershipState } from './coordinator.ts'
import { AmbiguousTopicError, type Subscription } from './subscription.ts'

export interface StaticCoordinatorParts {
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

/**
 * Owns what the routes name: these partitions, or whole topics, without a group. Whoever runs several processes keeps them
 * apart. New partitions and, for patterns, new topics are picked up as they appear.
 */
export class StaticCoordinator implements ConsumerCoordinator {
  readonly #parts: StaticCoordinatorParts
  readonly #owned = new Set<string>()
  readonly #ended = new AbortController()
  #waiting = new Map<string, string>()
  /** Whether the first look was taken. */
  #looked = false

  constructor(parts: StaticCoordinatorParts) {
    this.#parts = parts
  }

  async start(listener: OwnershipListener): Promise<void> {
    let first: () => void = () => {}
    const looked = new Promise<void>(resolve => {
      first = resolve
    })
    await Promise.race([looked, this.#watch(listener, first)])
  }

  state(): OwnershipState {
    return { coordinator: 'static', waiting: [...this.#waiting].map(([topic, cause]) => ({ topic, cause })) }
  }

  /** Does not wait for a look that is under way: its answer may be long in coming, and is dropped. */
  async close(): Promise<void> {
    this.#ended.abort()
  }

  async #watch(listener: OwnershipListener, looked: () => void): Promise<void> {
    const { clock, random, backoff, refreshMs, logger } = this.#parts
    const { signal } = this.#ended
    let failures = 0
    while (!signal.aborted) {
      let wait = refreshMs
      try {
        await this.#look(listener)
        looked()
        failures = this.#waiting.size > 0 ? failures + 1 : 0
      } catch (thrown) {
        const error = toError(thrown)
        if (error instanceof MillraceError && !error.retriable) {
          if (!signal.aborted) listener.fatal(error)
          return
        }
        failures++
        if (!signal.aborted) logger.warn({ err: error }, `topics could not be looked up: ${error.message}`)
      }
      if (failures > 0) wait = Math.min(refreshMs, backoff(failures, random))
      await sleep(clock, wait, signal).catch(() => {})
    }
  }

  async #look(listener: OwnershipListener): Promise<void> {
    const { client, subscription } = this.#parts
    const metadata = await client.metadata(subscription.hasPatterns ? 'all' : subscription.names)
    const waiting = new Map<string, string>()
    const found = this.#wanted(metadata, waiting)
    this.#tellWaiting(waiting)
    this.#looked = true
    const fresh = found.filter(({ topic, partition }) => !this.#owned.has(partitionName(topic, partition)))
    if (fresh.length === 0 || this.#ended.signal.aborted) return
    await listener.assigned(fresh)
    for (const { topic, partition } of fresh) this.#owned.add(partitionName(topic, partition))
  }

  #wanted(metadata: ClusterMetadata, waiting: Map<string, string>): AssignedPartition[] {
    const { subscription } = this.#parts
    const wanted: AssignedPartition[] = []
    for (const name of new Set([...subscription.names, ...metadata.topics.keys()])) {
      const topic = metadata.topics.get(name)
      const route = this.#route(name, topic, waiting)
      if (route === null) continue
      if (topic === undefined || topic.error !== null) {
        this.#missing(name, topic?.error ?? null, waiting)
        continue
      }
      const count = topic.partitions.length
      for (const partition of subscription.partitions(route) ?? topic.partitions.keys()) {
        if (partition < count) wanted.push({ topic: name, partition, route })
        else this.#missing(partitionName(name, partition), null, waiting)
      }
    }
    return wanted
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
    const cause = unknown ? 'does not exist' : error.message
    if (unknown && this.#parts.missingTopics === 'fail') {
      throw new MillraceError(
        'MISSING_TOPIC',
        `${name} does not exist. Create it, or set ownership.missingTopics to 'wait'`,
      )
    }
    waiting.set(name, cause)
  }

  #tellWaiting(waiting: Map<string, string>): void {
    for (const [name, cause] of waiting) {
      if (this.#waiting.get(name) !== cause) this.#parts.logger.warn({ topic: name }, `${name} is waited for: ${cause}`)
    }
    this.#waiting = waiting
  }
}
