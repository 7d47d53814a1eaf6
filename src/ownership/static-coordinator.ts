import { partitionName } from '../base/topic-partition.ts'
import type { AssignedPartition, ConsumerCoordinator, OwnershipListener, OwnershipState } from './coordinator.ts'
import { TopicWatch, type TopicWatchParts, type WatchedTopic } from './topic-watch.ts'

/**
 * Owns what the routes name: these partitions, or whole topics, without a group. Whoever runs several processes keeps them
 * apart. New partitions and, for patterns, new topics are picked up as they appear.
 */
export class StaticCoordinator implements ConsumerCoordinator {
  readonly lease = null
  readonly #subscription: TopicWatchParts['subscription']
  readonly #watch: TopicWatch
  readonly #owned = new Set<string>()
  /** Topics that were seen before. */
  readonly #followed = new Set<string>()
  #stopped = false

  constructor(parts: TopicWatchParts) {
    this.#subscription = parts.subscription
    this.#watch = new TopicWatch(parts)
  }

  start(listener: OwnershipListener): Promise<void> {
    return this.#watch.start({
      looked: (topics, _, missing) => this.#looked(listener, topics, missing),
      fatal: error => listener.fatal(error),
    })
  }

  state(): OwnershipState {
    return { coordinator: 'static', waiting: this.#watch.waiting, membership: null }
  }

  topicMissing(): void {
    this.#watch.soon()
  }

  stop(): void {
    this.#stopped = true
    this.#watch.close()
  }

  async close(): Promise<void> {
    this.stop()
  }

  async #looked(
    listener: OwnershipListener,
    topics: readonly WatchedTopic[],
    missing: (name: string) => void,
  ): Promise<void> {
    const fresh: AssignedPartition[] = []
    for (const { topic, route, partitions } of topics) {
      const added = this.#followed.has(topic)
      for (const partition of this.#subscription.partitions(route) ?? Array(partitions).keys()) {
        const name = partitionName(topic, partition)
        if (partition >= partitions) missing(name)
        else if (!this.#owned.has(name)) fresh.push({ topic, partition, route, added })
      }
    }
    if (this.#stopped) return
    if (fresh.length > 0) await listener.assigned(fresh)
    for (const { topic, partition } of fresh) this.#owned.add(partitionName(topic, partition))
    for (const { topic } of topics) this.#followed.add(topic)
  }
}
