import { toError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { TopicPartition } from '../../base/topic-partition.ts'
import type { AssignedPartition } from '../coordinator.ts'
import type { Subscription } from '../subscription.ts'
import type { WatchedTopic } from '../topic-watch.ts'

interface Followed {
  readonly route: number
  /** How many partitions it had when it was first seen. */
  readonly partitions: number
}

/** The topics that a member subscribes to: those that are named, and those that its patterns match now. */
export class FollowedTopics {
  readonly #subscription: Subscription
  readonly #logger: Logger
  readonly #followed = new Map<string, Followed>()

  constructor(subscription: Subscription, logger: Logger) {
    this.#subscription = subscription
    this.#logger = logger
  }

  get names(): readonly string[] {
    return [...new Set([...this.#subscription.names, ...this.#followed.keys()])]
  }

  /**
   * Takes in what exists now; answers why the group has to know, or null when there is nothing new to it. A leader that does not own or
   * want a topic itself would see it late.
   */
  looked(topics: readonly WatchedTopic[]): string | null {
    let news: string | null = null
    const found = new Set(topics.map(({ topic }) => topic))
    for (const topic of this.#followed.keys()) {
      if (found.has(topic)) continue
      this.#followed.delete(topic)
      news = `topic ${topic} vanished`
    }
    for (const { topic, route, partitions } of topics) {
      if (this.#followed.has(topic)) continue
      this.#followed.set(topic, { route, partitions })
      news = `topic ${topic} appeared`
    }
    return news
  }

  /** What was assigned, with the routes; without what no route wants. */
  routed(partitions: readonly TopicPartition[]): AssignedPartition[] {
    const routed: AssignedPartition[] = []
    for (const { topic, partition } of partitions) {
      const followed = this.#followed.get(topic)
      const route = followed?.route ?? this.#route(topic)
      const added = followed !== undefined && partition >= followed.partitions
      if (route !== null) routed.push({ topic, partition, route, added })
      else this.#logger.error({ topic, partition }, `${topic} was assigned, and no route wants it: it is left alone`)
    }
    return routed
  }

  /** A topic that the leader saw before this member did. */
  #route(topic: string): number | null {
    try {
      return this.#subscription.route(topic, false)
    } catch (thrown) {
      const err = toError(thrown)
      this.#logger.error({ err, topic }, err.message)
      return null
    }
  }
}
