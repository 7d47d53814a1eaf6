import { errorCodes } from '../protocol/error-codes.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import { rackAwareSelector } from './broker-config.ts'
import type { Cluster } from './cluster.ts'
import { Followers } from './followers.ts'
import type { Rejection } from './log/incoming.ts'
import { type Appended, Log } from './log/log.ts'
import type { Topic } from './topics.ts'

/** One partition: its log, and who leads it. The nodes share the log: what is appended is replicated at once. */
export class Partition {
  readonly topic: Topic
  readonly index: number
  /** Node numbers, the preferred leader first. */
  readonly replicas: readonly number[]
  readonly log: Log
  readonly #cluster: Cluster
  readonly #watchers = new Set<() => void>()
  readonly #followers = new Followers()
  #leader: number
  #leaderEpoch = 0
  #closed = false

  /** Elects the first running replica. */
  constructor(cluster: Cluster, topic: Topic, index: number, replicas: readonly number[]) {
    this.#cluster = cluster
    this.topic = topic
    this.index = index
    this.replicas = replicas
    this.log = new Log({
      name: `${topic.name}-${index}`,
      config: () => topic.config,
      clock: cluster.clock,
      space: cluster.logSpace,
      producerExpirationMs: cluster.config.number('producer.id.expiration.ms'),
    })
    this.#leader = this.isr[0] ?? -1
    this.log.beginEpoch(0)
  }

  /** Node number, -1 while no replica runs. */
  get leader(): number {
    return this.#leader
  }

  /** Grows with each election, from 0. */
  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  /** The running replicas, but for those that a test made lag behind. */
  get isr(): readonly number[] {
    return this.replicas.filter(node => this.#cluster.nodes.isRunning(node) && this.#followers.isInSync(node))
  }

  /** Keeps a follower so many messages behind, whatever is written; see `Followers`. */
  lagFollower(node: number, messages: number, inSync: boolean): void {
    this.#followers.lag(node, messages, inSync)
    this.nodesChanged()
    this.#wake()
  }

  /** Behind the last message that this replica serves. */
  highWatermarkOf(node: number): number {
    const { startOffset, highWatermark } = this.log
    const unserved = this.#followers.unserved(node)
    return unserved === 0 ? highWatermark : Math.max(startOffset, this.log.batchStart(highWatermark - unserved))
  }

  /** Behind the last message that this replica has. */
  endOf(node: number): number {
    return this.#followers.missing(node) === 0 ? this.log.highWatermark : this.highWatermarkOf(node)
  }

  /**
   * The follower from which a consumer in this rack is to read (KIP-392), where brokers are told to look for one; -1: from the leader,
   * which is asked for this.
   */
  preferredReplica(asked: number, rack: string, offset: number): number {
    const { nodes, config } = this.#cluster
    if (rack === '' || asked !== this.#leader || nodes.get(asked)?.rack === rack) return -1
    if (config.find('replica.selector.class') !== rackAwareSelector) return -1
    if (offset < this.log.startOffset) return -1
    const near = this.isr.filter(node => nodes.get(node)?.rack === rack && this.endOf(node) >= offset)
    return Math.max(-1, ...near)
  }

  /** Whether its topic was deleted, or the cluster is closed. */
  get closed(): boolean {
    return this.#closed
  }

  /** Makes this replica the leader under a new epoch, and lets waiting fetches look again. */
  elect(node: number): void {
    this.#leader = node
    this.#followers.lag(node, 0, true)
    this.#leaderEpoch++
    if (node >= 0) this.log.beginEpoch(this.#leaderEpoch)
    this.#wake()
  }

  /** Elects another leader where the present one stopped, or one where there was none. */
  nodesChanged(): void {
    const leads = this.#leader >= 0 && this.#cluster.nodes.isRunning(this.#leader)
    const next = this.isr[0] ?? -1
    if (!leads && next !== this.#leader) this.elect(next)
  }

  /**
   * Why this node may not answer for the partition, as an error code. `epoch` is the leader epoch that the client knows, or -1; followers
   * answer only what they may.
   */
  refuses(node: number, epoch: number, leaderOnly: boolean): number {
    if (this.#closed) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    if (!this.replicas.includes(node)) return errorCodes.NOT_LEADER_OR_FOLLOWER
    if (epoch >= 0 && epoch < this.#leaderEpoch) return errorCodes.FENCED_LEADER_EPOCH
    if (epoch > this.#leaderEpoch) return errorCodes.UNKNOWN_LEADER_EPOCH
    return leaderOnly && node !== this.#leader ? errorCodes.NOT_LEADER_OR_FOLLOWER : errorCodes.NONE
  }

  /** Appends a batch that was sent to the leader, or tells what Kafka has against it. */
  append(sent: RecordBatch, acks: number): Appended | Rejection {
    const needed = Math.min(this.topic.config.number('min.insync.replicas'), this.replicas.length)
    if (acks === -1 && this.isr.length < needed) return { errorCode: errorCodes.NOT_ENOUGH_REPLICAS, tellsStart: true }
    const appended = this.log.append(sent)
    if ('baseOffset' in appended) this.#wake()
    return appended
  }

  /** Writes the marker that ends this producer's transaction here; without anything to end it is written too, as Kafka does. */
  endTransaction(producerId: number, producerEpoch: number, result: 'commit' | 'abort'): void {
    this.log.endTransaction(producerId, producerEpoch, result)
    this.#wake()
  }

  /** Calls `look` whenever there may be more to read, or another answer to give; answers how to end that. */
  watch(look: () => void): () => void {
    this.#watchers.add(look)
    return () => void this.#watchers.delete(look)
  }

  #wake(): void {
    if (this.#watchers.size > 0) for (const look of [...this.#watchers]) look()
  }

  /** The topic was deleted, or the cluster is closed: who waits gets an answer, timers end. */
  close(): void {
    this.#closed = true
    this.log.close()
    this.#wake()
  }
}
