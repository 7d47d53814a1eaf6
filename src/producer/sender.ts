import type { Backoff } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { ConnectionError, MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { LowLevelClient, ProducedBatch } from '../client/low-level-client.ts'
import type { BatchOptions, ProducerBatch } from './batch.ts'
import type { IdentitySource } from './identity.ts'
import type { Ledger } from './ledger.ts'
import { type Outcome, PartitionQueue } from './partition-queue.ts'
import type { Topics } from './topics.ts'

export interface SenderOptions extends BatchOptions {
  readonly acks: 0 | 1 | -1
  readonly lingerMs: number
  readonly batchBytes: number
  readonly batchMessages: number
  readonly maxRequestBytes: number
  /** Requests to one broker that have no answer yet. */
  readonly maxInFlight: number
  readonly requestTimeoutMs: number
}

export interface SenderParts {
  readonly client: Pick<LowLevelClient, 'produce'>
  readonly topics: Topics
  readonly keeper: IdentitySource | null
  readonly options: SenderOptions
  readonly backoff: Backoff
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly ledger: Ledger
  /** The transaction that is written now; null: none is. Its partitions are written to only once it says so. */
  readonly transaction: WrittenTransaction | null
  /** All messages of the batch are told what became of them. */
  readonly settled: (batch: ProducerBatch) => void
  /** It goes on in parts. */
  readonly split: (batch: ProducerBatch, parts: readonly ProducerBatch[]) => void
}

/** What the sender needs to know of a transaction. */
export interface WrittenTransaction {
  readonly transactionalId: string
  readonly addsPartitions: boolean
  /** Whether it may be written to this partition now; whoever says no tells when it may. */
  mayWrite(topic: string, partition: number): boolean
}

/** Failed attempts of one batch: a leader that moved, or a connection that broke, costs one or two. */
const WORTH_A_WARNING = 3

/** Sums and compression take this much of one turn of the event loop at most, and one batch. */
const TURN_MS = 5

/** A batch on its way. */
interface Sent {
  readonly queue: PartitionQueue
  readonly batch: ProducerBatch
  /** As they are sent. */
  readonly records: Buffer
}

/** Sends what waits in the queues of all partitions to their leaders: many partitions in a request, several requests at a time. */
export class Sender {
  readonly #parts: SenderParts
  /** Of each topic by partition. */
  /** Of each topic, by the number of the partition. */
  readonly #queues = new Map<string, (PartitionQueue | undefined)[]>()
  /** Those that have batches, longest not served first. */
  readonly #active = new Set<PartitionQueue>()
  /** Requests without an answer, by node. */
  readonly #inFlight = new Map<number, number>()
  #timer: Timer | null = null
  #wakeAt = Number.POSITIVE_INFINITY
  #scheduled = false
  /** Nothing lingers. */
  #hurry = 0
  /** Why nothing is tried again now. */
  #dropped: MillraceError | null = null
  #closed = false

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  queue(topic: string, partition: number): PartitionQueue {
    const queues = this.#queuesOf(topic)
    let queue = queues[partition]
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition, this.#parts.keeper, this.#parts.options)
      queues[partition] = queue
    }
    return queue
  }

  /** Tells how many batches a partition of the topic has: asked for all of them each time that one is to be chosen. */
  loads(topic: string): (partition: number) => number {
    const queues = this.#queuesOf(topic)
    return partition => queues[partition]?.size ?? 0
  }

  #queuesOf(topic: string): (PartitionQueue | undefined)[] {
    let queues = this.#queues.get(topic)
    if (queues === undefined) {
      queues = []
      this.#queues.set(topic, queues)
    }
    return queues
  }

  /** Requests that have no answer yet, by node. */
  get inFlight(): ReadonlyMap<number, number> {
    return this.#inFlight
  }

  /** Those that have batches. */
  get active(): Iterable<PartitionQueue> {
    return this.#active
  }

  /** It has a batch more, or one that is full. */
  added(queue: PartitionQueue): void {
    this.#active.add(queue)
    this.soon()
  }

  /** Looks for what may be sent, once those that run now are through: what they add goes along. */
  soon(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    this.#parts.clock.soon(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  /** While `action` runs nothing lingers; then resolves when all that is there is told what became of it. */
  async hurry(action: Promise<void>): Promise<void> {
    this.#hurry++
    this.soon()
    await action
    this.soon()
    await this.#settled()
    this.#hurry--
  }

  /** Gives up what was not sent, and sends nothing more. */
  abandon(error: MillraceError): void {
    for (const queue of this.#active) for (const batch of queue.abandon(error)) this.#parts.settled(batch)
  }

  /** Gives up all; resolves when what was under way is told what became of it. */
  async drop(error: MillraceError): Promise<void> {
    this.#dropped = error
    this.abandon(error)
    await this.#settled()
    this.#dropped = null
  }

  /** Gives up all at once, what is under way too: nobody waits for its answers. */
  close(error: MillraceError): void {
    this.#closed = true
    this.#timer?.cancel()
    this.abandon(error)
    for (const queue of this.#active) for (const batch of queue.forsake(error)) this.#parts.settled(batch)
    this.#active.clear()
  }

  async #settled(): Promise<void> {
    const batches = [...this.#active].flatMap(queue => queue.all)
    await Promise.all(batches.map(batch => batch.done))
  }

  #pump(): void {
    if (this.#closed) return
    const now = this.#parts.clock.now()
    const due = new Map<number, PartitionQueue[]>()
    this.#wakeAt = Number.POSITIVE_INFINITY
    for (const queue of [...this.#active]) {
      for (const batch of queue.expire(now)) this.#parts.settled(batch)
      if (queue.isEmpty) this.#active.delete(queue)
      const node = this.#nodeToSendTo(queue, now)
      if (node < 0) continue
      const queues = due.get(node)
      if (queues === undefined) due.set(node, [queue])
      else queues.push(queue)
    }
    for (const [node, queues] of due) this.#sendTo(node, queues, now)
    this.#setTimer(now)
  }

  /** The leader of a queue whose head may be sent now; -1: none, and looked at again when that may be otherwise. */
  #nodeToSendTo(queue: PartitionQueue, now: number): number {
    const { head } = queue
    if (head === undefined) return -1
    this.#wakeAt = Math.min(this.#wakeAt, head.deadline)
    if (!queue.canTake(now)) {
      if (queue.notBefore > now) this.#wakeAt = Math.min(this.#wakeAt, queue.notBefore)
      return -1
    }
    const { lingerMs, batchBytes, batchMessages } = this.#parts.options
    const lingersUntil = head.createdAt + lingerMs
    const whole = head.length >= batchBytes || head.count >= batchMessages
    const full = head.sealed || whole || queue.waiting.length > 1
    if (!full && this.#hurry === 0 && lingersUntil > now) {
      this.#wakeAt = Math.min(this.#wakeAt, lingersUntil)
      return -1
    }
    const { topics, transaction } = this.#parts
    if (transaction?.mayWrite(queue.topic, queue.partition) === false) return -1
    return topics.leader(queue.topic, queue.partition)
  }

  /** As many requests as the node may have, each with a batch of as many queues as fit. */
  #sendTo(node: number, queues: readonly PartitionQueue[], now: number): void {
    const { options, transaction } = this.#parts
    const { maxInFlight, maxRequestBytes } = options
    let left = queues
    while (left.length > 0 && (this.#inFlight.get(node) ?? 0) < maxInFlight) {
      if (this.#isLong(now)) {
        this.soon()
        return
      }
      const request: Sent[] = []
      const later: PartitionQueue[] = []
      let bytes = 0
      for (const queue of left) {
        // A queue that was looked at since may have ended the identity under which this one was to be sent.
        if (!queue.canTake(now)) continue
        const length = queue.head?.length ?? 0
        if (request.length > 0 && (bytes + length > maxRequestBytes || this.#isLong(now))) {
          later.push(queue)
          continue
        }
        bytes += length
        const batch = queue.take()
        request.push({ queue, batch, records: batch.bytes(options, transaction !== null) })
        // Behind the others, for the next time.
        this.#active.delete(queue)
        this.#active.add(queue)
      }
      if (request.length > 0) void this.#send(node, request, now)
      const more = request.filter(({ queue }) => this.#nodeToSendTo(queue, now) === node)
      left = [...later, ...more.map(({ queue }) => queue)]
    }
  }

  /** Whether the turn of the event loop that began then is long enough. */
  #isLong(since: number): boolean {
    return this.#parts.clock.now() - since >= TURN_MS
  }

  async #send(node: number, request: readonly Sent[], now: number): Promise<void> {
    const { client, options, transaction, ledger } = this.#parts
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 0) + 1)
    const batches = request.map(({ batch, records }) => ({ topic: batch.topic, partition: batch.partition, records }))
    for (const { batch, records } of request) ledger.sent(batch, records.length)
    const left = Math.max(...request.map(({ batch }) => batch.deadline - now))
    const timeoutMs = Math.max(1, Math.min(options.requestTimeoutMs, Math.ceil(left)))
    let produced: readonly ProducedBatch[] | Error
    try {
      produced = await client.produce(batches, { acks: options.acks, timeoutMs, transaction })
    } catch (thrown) {
      produced = toError(thrown)
    }
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 1) - 1)
    ledger.answered(now)
    for (const [at, sent] of request.entries())
      this.#answered(sent, produced instanceof Error ? produced : produced[at])
    this.soon()
  }

  #answered({ queue, batch }: Sent, produced: ProducedBatch | Error | undefined): void {
    if (this.#closed) return
    const { clock, random, backoff, topics, logger, ledger, settled } = this.#parts
    const now = clock.now()
    const outcome = outcomeOf(produced)
    const { error } = outcome
    const fate = queue.answered(batch, outcome, now)
    if (fate === 'over') settled(batch)
    else if (fate !== 'again') this.#split(batch, fate)
    if (fate !== 'over' && this.#dropped !== null) {
      for (const given of queue.abandon(this.#dropped)) settled(given)
    } else if (fate === 'again') {
      const waitMs = Math.ceil(backoff(batch.attempts, random))
      queue.notBefore = now + waitMs
      ledger.retried(batch)
      const { topic, partition, attempts } = batch
      const level = attempts < WORTH_A_WARNING ? 'debug' : 'warn'
      logger[level]({ err: error, topic, partition, attempts, waitMs }, 'a batch is sent again')
    }
    if (error?.retriable) topics.doubt(batch.topic)
  }

  #split(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    const { topic, partition, length, count, cause } = batch
    const text =
      'a batch was larger than its topic takes: it is sent in parts; a smaller batchBytes spares the second time'
    this.#parts.logger.warn({ err: cause, topic, partition, bytes: length, messages: count }, text)
    this.#parts.split(batch, parts)
  }

  #setTimer(now: number): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#wakeAt === Number.POSITIVE_INFINITY) return
    this.#timer = this.#parts.clock.after(Math.max(0, this.#wakeAt - now), () => this.#pump())
  }
}

function outcomeOf(produced: ProducedBatch | Error | undefined): Outcome {
  if (produced instanceof MillraceError) return { error: produced, sent: true }
  if (produced instanceof Error)
    return { error: new ConnectionError(produced.message, { cause: produced }), sent: true }
  if (produced === undefined)
    return { error: new ConnectionError('The client answered for fewer batches than it was given'), sent: true }
  const { error, baseOffset, logAppendTime, sent = true } = produced
  return error === null ? { error, baseOffset, logAppendTime } : { error, sent }
}
