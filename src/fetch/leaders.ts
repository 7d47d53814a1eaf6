import { exponential } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { ClusterMetadata, LowLevelClient, PartitionMetadata, TopicMetadata } from '../client/low-level-client.ts'
import { toMillraceError } from './failure.ts'
import type { Feed } from './feed.ts'

const wait = exponential(50, 10_000)
/** Between two refreshes, so that many partitions in trouble do not ask one after the other. */
const GAP_MS = 100

export interface LeadersOptions {
  readonly client: LowLevelClient
  readonly clock: Clock
  readonly random: Random
  /** All that may have an interest in an answer. */
  readonly feeds: () => Iterable<Feed>
  /** The leader of this partition is known, and may be the same as before. */
  readonly found: (feed: Feed, leader: number, leaderEpoch: number, topicId: string | null) => void
  /** The replica from which this partition is read is none any more. */
  readonly replicaGone: (feed: Feed) => void
  /** The cluster tells no leader for it. */
  readonly missing: (feed: Feed, error: MillraceError) => void
  /** The topic of its name is another one now. */
  readonly recreated: (feed: Feed, topicId: string) => void
  /** The cluster could not be asked, for these and any other; it is asked again by itself. */
  readonly failed: (feeds: readonly Feed[], error: MillraceError) => void
}

/** Looks up who leads the partitions: one refresh at a time, for all that want one. */
export class Leaders {
  readonly #options: LeadersOptions
  readonly #wanted = new Set<Feed>()
  /** By topic, the id of the last one of that name that is known to be deleted. */
  readonly #deleted = new Map<string, string>()
  #timer: Timer | null = null
  #asking = false
  #refresh: Promise<void> | null = null
  #notBefore = 0
  #failures = 0
  #closed = false

  constructor(options: LeadersOptions) {
    this.#options = options
  }

  refresh(feed: Feed): void {
    this.#wanted.add(feed)
    this.#schedule()
  }

  forget(feed: Feed): void {
    this.#wanted.delete(feed)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#refresh
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== null || this.#asking || this.#wanted.size === 0) return
    const { clock } = this.#options
    this.#timer = clock.after(Math.max(0, this.#notBefore - clock.now()), () => {
      this.#timer = null
      this.#asking = true
      this.#refresh = this.#ask()
    })
  }

  async #ask(): Promise<void> {
    const { client, clock, random, failed } = this.#options
    const feeds = [...this.#wanted]
    this.#wanted.clear()
    let gap = GAP_MS
    try {
      const topics = new Set(feeds.map(feed => feed.claim.topic))
      const metadata = await client.metadata([...topics])
      this.#failures = 0
      if (!this.#closed) this.#apply(metadata, topics)
    } catch (thrown) {
      const error = toMillraceError(thrown, 'Looking up the leaders')
      gap = wait(++this.#failures, random)
      const waiting = feeds.filter(feed => feed.active)
      for (const feed of waiting) this.#wanted.add(feed)
      if (!this.#closed) failed(waiting, error)
    }
    this.#asking = false
    this.#notBefore = clock.now() + gap
    this.#schedule()
  }

  #apply(metadata: ClusterMetadata, topics: ReadonlySet<string>): void {
    for (const feed of [...this.#options.feeds()]) {
      const { topic, partition } = feed.claim
      if (!feed.active || !topics.has(topic) || this.#comesLater(feed)) continue
      const known = this.#upToDate(metadata.topics.get(topic))
      const topicId = known?.topicId ?? null
      if (topicId !== null && feed.topicId !== null && topicId !== feed.topicId) {
        this.#deleted.set(topic, feed.topicId)
        this.#options.recreated(feed, topicId)
        continue
      }
      const place = known?.partitions.find(candidate => candidate.partition === partition)
      if (known === undefined || place === undefined || place.leader < 0) {
        this.#options.missing(feed, known?.error ?? place?.error ?? leaderless(feed, place !== undefined))
      } else if (!isOutdated(feed, place.leaderEpoch, known.topicId)) {
        if (isGone(feed.replica.node, place, metadata)) this.#options.replicaGone(feed)
        this.#options.found(feed, place.leader, place.leaderEpoch, known.topicId)
      }
    }
  }

  /** One that is in doubt about its topic, and asked while this answer was under way, waits for the one that follows. */
  #comesLater(feed: Feed): boolean {
    return feed.outOfRange !== null && this.#wanted.has(feed)
  }

  /** Undefined for a topic that was deleted: a broker that lags behind still tells it. */
  #upToDate(known: TopicMetadata | undefined): TopicMetadata | undefined {
    return known === undefined || this.#deleted.get(known.topic) === known.topicId ? undefined : known
  }
}

/** Whether a node is no replica of the partition any more, or no broker of the cluster. */
function isGone(node: number, { replicas }: PartitionMetadata, { brokers }: ClusterMetadata): boolean {
  return node >= 0 && !(replicas.includes(node) && brokers.some(broker => broker.nodeId === node))
}

/** A broker that lags behind names an older leader. */
function isOutdated(feed: Feed, leaderEpoch: number, topicId: string | null): boolean {
  return feed.topicId === topicId && leaderEpoch >= 0 && leaderEpoch < feed.leaderEpoch
}

function leaderless(feed: Feed, exists: boolean): MillraceError {
  const { topic, partition } = feed.claim
  const [code, message] = exists
    ? [
        'LEADER_NOT_AVAILABLE',
        `${feed.name} has no leader: the brokers with its replicas are down, or an election is under way`,
      ]
    : ['UNKNOWN_TOPIC_OR_PARTITION', `The cluster has no partition ${feed.name}`]
  return new MillraceError(code as string, message as string, { topic, partition, retriable: true })
}
