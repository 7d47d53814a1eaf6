import type { Clock, Timer } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import { AnyPartition } from './any-partition.ts'
import { ProducerBatch } from './batch.ts'
import type { Ledger } from './ledger.ts'
import { Line } from './line.ts'
import type { Outgoing } from './outgoing.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { Partitioner } from './partitioners/partitioner.ts'
import type { Sender } from './sender.ts'
import type { Topics } from './topics.ts'

export interface AccumulatorOptions {
  readonly batchBytes: number
  readonly batchMessages: number
  /** Most that a message may have: more fits no request. */
  readonly maxRequestBytes: number
  /** Of all messages that are in batches. */
  readonly bufferBytes: number
  readonly deliveryTimeoutMs: number
}

export interface AccumulatorParts {
  readonly options: AccumulatorOptions
  readonly partitioner: Partitioner
  readonly topics: Topics
  readonly sender: Sender
  readonly ledger: Ledger
  readonly clock: Clock
  readonly random: Random
}

/** A topic's partitions: all, and those that have a leader, or all when none has. */
interface Places {
  readonly metadata: TopicMetadata
  readonly all: readonly number[]
  readonly available: readonly number[]
  readonly any: AnyPartition
  /** How many batches wait for a partition. */
  readonly load: (partition: number) => number
}

/** Messages that may wait for room, a topic or a serde. Who sends more without waiting for any is told so. */
const MOST_WAITING = 100_000
/** Their keys and values, which are still their senders', may take so many times what the buffer may. */
const BUFFERS_WAITING = 4
/** From here on, sources that can be held back are. */
const MANY_WAITING = 1_000
/** What a message costs beside its bytes: its promise, and its place in lists. */
const OVERHEAD = 100
const FIRST_BYTES = 1_024
/** Of a topic that was looked up since then is not asked again for the sake of one message. */
const FRESH_MS = 1_000

/**
 * Puts messages into batches, those of one topic in the order in which they came. One that cannot be put in yet, because its topic is not
 * known, the buffer is full or a serde is not through, waits in the topic's line, and those behind it with it.
 */
export class Accumulator {
  readonly #parts: AccumulatorParts
  readonly #lines = new Map<string, Line>()
  readonly #places = new Map<string, Places>()
  #waiting = 0
  #waitingBytes = 0
  /** Messages that ever had to wait. */
  #entered = 0
  #putWaiters: { readonly last: number; resolve(): void }[] = []
  #bytes = 0
  #fullSince: number | null = null
  #timer: Timer | null = null

  constructor(parts: AccumulatorParts) {
    this.#parts = parts
  }

  get bytes(): number {
    return this.#bytes
  }

  get waiting(): number {
    return this.#waiting
  }

  /** The messages that wait, by topic; the first of each is what the others wait for. */
  get lines(): ReadonlyMap<string, Line> {
    return this.#lines
  }

  /** Since when a message waits for room, by the clock's `now`; null: none does. */
  get fullSince(): number | null {
    return this.#fullSince
  }

  /** Whoever can wait with more messages should. */
  get isFull(): boolean {
    return this.#fullSince !== null || this.#waiting >= MANY_WAITING
  }

  add(message: Outgoing): void {
    const line = this.#waiting === 0 ? undefined : this.#lines.get(message.topic)
    if (line === undefined && this.#put(message)) return
    const { bufferBytes, deliveryTimeoutMs } = this.#parts.options
    const most = BUFFERS_WAITING * bufferBytes
    const before = this.#waitingBytes
    if (this.#waiting >= MOST_WAITING || (before > 0 && before + message.bytes > most)) {
      this.#fail(message, this.#full(message))
      return
    }
    this.#waiting++
    this.#weigh(message)
    message.deadline = this.#parts.clock.now() + deliveryTimeoutMs
    message.turn = ++this.#entered
    if (line === undefined) {
      const first = new Line()
      first.push(message)
      this.#lines.set(message.topic, first)
    } else line.push(message)
    this.#setTimer()
  }

  /** A serde is through with it. */
  encoded(message: Outgoing): void {
    message.encoding = false
    if (!message.settled) this.#weigh(message)
    this.advance()
  }

  #weigh(message: Outgoing): void {
    message.weight = message.bytes
    this.#waitingBytes += message.weight
  }

  /** Resolves when all that waits now is in a batch or has failed. */
  put(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve()
    return new Promise(resolve => this.#putWaiters.push({ last: this.#entered, resolve }))
  }

  /** A topic was looked up, a serde is through, or there is room again: puts in what waits and can be. */
  advance(): void {
    const { fullSince: since } = this
    this.#fullSince = null
    for (const [topic, line] of [...this.#lines]) {
      let moved = false
      let head = line.head
      for (; head !== undefined && this.#putWaiting(head); head = line.head) {
        line.shift()
        this.#waiting--
        this.#waitingBytes -= head.weight
        moved = true
      }
      // The topics take turns in what room there is.
      if (moved) this.#lines.delete(topic)
      if (moved && head !== undefined) this.#lines.set(topic, line)
    }
    if (this.#fullSince !== null) this.#fullSince = since ?? this.#fullSince
    this.#setTimer()
    this.#tellPut()
  }

  /** Gives up what waits for a topic that will not be known. */
  refuse(topic: string, error: MillraceError): void {
    for (const message of this.#lines.get(topic) ?? []) this.#fail(message, error)
    this.advance()
  }

  split(batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    for (const part of parts) this.#bytes += cost(part)
    this.#bytes -= cost(batch)
  }

  settled(batch: ProducerBatch): void {
    this.#bytes -= cost(batch)
    if (this.#waiting > 0) this.advance()
  }

  /** Gives up what waits. */
  abandon(error: MillraceError): void {
    const lines = [...this.#lines.values()]
    this.#lines.clear()
    this.#fullSince = null
    this.#waiting = this.#waitingBytes = 0
    for (const line of lines) for (const message of line) this.#fail(message, error)
    this.#setTimer()
    this.#tellPut()
  }

  #putWaiting(message: Outgoing): boolean {
    if (message.settled) return true
    if (this.#parts.clock.now() < message.deadline) return this.#put(message)
    this.#fail(message, this.#tooLate(message))
    return true
  }

  /** Puts the message into a batch, or fails it; answers false when it has to wait. */
  #put(message: Outgoing): boolean {
    if (message.encoding) return false
    const metadata = this.#parts.topics.get(message.topic)
    if (metadata === null) return false
    try {
      return this.#append(message, metadata)
    } catch (thrown) {
      const error = toError(thrown)
      const text = `The partitioner failed for a message to ${message.topic}: ${error.message}`
      this.#fail(
        message,
        error instanceof MillraceError ? error : new MillraceError('PARTITIONER', text, { cause: error }),
      )
      return true
    }
  }

  #append(message: Outgoing, metadata: TopicMetadata): boolean {
    const { options, sender } = this.#parts
    const places = this.#placesOf(metadata)
    const chosen = message.partition < 0 ? this.#choose(message, places) : message.partition
    if (chosen >= metadata.partitions.length && this.#mayBeNew(message, chosen, metadata)) return false
    const queue = sender.queue(message.topic, chosen < 0 ? places.any.choose(places.available, places.load) : chosen)
    let batch = queue.open
    if (batch !== undefined && this.#isFull(batch)) batch = undefined
    let before = batch?.length ?? 0
    // One that is larger than the buffer may be alone in it.
    const room = this.#bytes === 0 ? Number.POSITIVE_INFINITY : options.bufferBytes - this.#bytes - OVERHEAD
    if (!batch?.add(message, Math.min(options.batchBytes, before + room))) {
      if (batch !== undefined && before + batch.sizeOf(message) <= options.batchBytes) return this.#noRoom()
      // Behind one that is full the next one will be, too.
      batch = this.#begin(message, queue, batch === undefined ? FIRST_BYTES : options.batchBytes)
      if (!batch.add(message, room)) return this.#noRoom()
      before = 0
      queue.add(batch)
      sender.added(queue)
    } else if (this.#isFull(batch)) sender.added(queue)
    const bytes = batch.length - before
    this.#bytes += bytes + OVERHEAD
    if (chosen < 0) places.any.used(this.#isFull(batch) ? options.batchBytes : bytes)
    return true
  }

  #fail(message: Outgoing, error: MillraceError): void {
    if (message.settled) return
    message.fail(error)
    this.#parts.ledger.refused(message.topic, error)
  }

  #noRoom(): false {
    this.#fullSince ??= this.#parts.clock.now()
    return false
  }

  #isFull(batch: ProducerBatch): boolean {
    const { batchBytes, batchMessages } = this.#parts.options
    return batch.length >= batchBytes || batch.count >= batchMessages
  }

  /** A batch for the message and those behind it. */
  #begin(message: Outgoing, { topic, partition }: PartitionQueue, bytes: number): ProducerBatch {
    const { options, clock } = this.#parts
    const now = clock.now()
    // Behind it come those that came later, so none of the batch has to be told sooner.
    const deadline = Math.min(message.deadline, now + options.deliveryTimeoutMs)
    const batch = new ProducerBatch(topic, partition, now, deadline, bytes)
    const length = batch.length + batch.sizeOf(message)
    if (length > options.maxRequestBytes) throw this.#tooLarge(message, partition, length)
    return batch
  }

  /** Asks the partitioner once; -1: any will do. */
  #choose(message: Outgoing, { metadata, all, available }: Places): number {
    const { partitioner } = this.#parts
    const { topic, givenKey: key, givenValue: value } = message
    // Hashed and written: made bytes of once.
    if (typeof message.key === 'string') message.key = Buffer.from(message.key)
    const chosen = partitioner.choose(
      { topic, key, value, rawKey: message.key },
      partitioner.requiresConsistency ? all : available,
    )
    if (chosen === null) return -1
    const exists = Number.isInteger(chosen) && chosen >= 0 && chosen < metadata.partitions.length
    if (!exists) throw noPartition(topic, chosen, metadata, 'the partitioner chose')
    message.partition = chosen
    return chosen
  }

  /** Partitions may be added: unless it was just done, the topic is looked up once more before the partition is taken for wrong. */
  #mayBeNew(message: Outgoing, partition: number, metadata: TopicMetadata): boolean {
    const isFresh = message.missedIn === null && this.#parts.topics.age(message.topic) < FRESH_MS
    message.missedIn ??= metadata
    if (isFresh || message.missedIn !== metadata)
      throw noPartition(message.topic, partition, metadata, 'the message names')
    this.#parts.topics.doubt(message.topic)
    return true
  }

  #placesOf(metadata: TopicMetadata): Places {
    const { topic } = metadata
    const known = this.#places.get(topic)
    if (known?.metadata === metadata) return known
    const { sender, random, options } = this.#parts
    const all = metadata.partitions.map(({ partition }) => partition)
    const led = metadata.partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => partition)
    const places = {
      metadata,
      all,
      available: led.length > 0 ? led : all,
      any: known?.any ?? new AnyPartition(random, options.batchBytes),
      load: sender.loads(topic),
    }
    this.#places.set(topic, places)
    return places
  }

  #tooLarge({ topic }: Outgoing, partition: number, bytes: number): MillraceError {
    const { maxRequestBytes } = this.#parts.options
    const text =
      `A message to ${partitionName(topic, partition)} makes a batch of ${bytes} bytes, and maxRequestBytes is ${maxRequestBytes}: ` +
      "raise that, and the broker's message.max.bytes, or send less"
    return new MillraceError('MESSAGE_TOO_LARGE', text, { topic, partition })
  }

  #full({ topic }: Outgoing): MillraceError {
    const text =
      `${this.#waiting} messages of ${this.#waitingBytes} bytes wait to be sent already, and no more than ${MOST_WAITING} may, or ` +
      `${BUFFERS_WAITING} times bufferBytes (${this.#parts.options.bufferBytes}): wait for some of them before sending more`
    return new MillraceError('BUFFER_FULL', text, { topic, retriable: true })
  }

  #tooLate({ topic, encoding, missedIn }: Outgoing): MillraceError {
    const { topics, options } = this.#parts
    const known = topics.get(topic) !== null
    const error = known && missedIn === null ? null : topics.error(topic)
    const unknown = error === null ? 'no broker has answered yet' : error.message
    let why = `the buffer of ${options.bufferBytes} bytes is full`
    if (encoding) why = 'its serde is not through'
    else if (!known) why = `its topic is not known: ${unknown}`
    else if (missedIn !== null) why = `its partition is not known: ${unknown}`
    const text = `A message to ${topic} could not be sent within ${options.deliveryTimeoutMs} ms: ${why}`
    return new MillraceError('DELIVERY_TIMEOUT', text, { topic, retriable: true, cause: error ?? undefined })
  }

  #tellPut(): void {
    if (this.#putWaiters.length === 0) return
    let first = Number.POSITIVE_INFINITY
    for (const { head } of this.#lines.values()) first = Math.min(first, head?.turn ?? first)
    this.#putWaiters = this.#putWaiters.filter(({ last, resolve }) => {
      if (first <= last) return true
      resolve()
      return false
    })
  }

  /** For the first that may have waited for too long. One that was put meanwhile was to be late before all others, so it may fire too early. */
  #setTimer(): void {
    if (this.#waiting === 0) {
      this.#timer?.cancel()
      this.#timer = null
    } else if (this.#timer === null) {
      const { clock } = this.#parts
      let first = Number.POSITIVE_INFINITY
      for (const { head } of this.#lines.values()) first = Math.min(first, head?.deadline ?? first)
      this.#timer = clock.after(Math.max(0, first - clock.now()), () => {
        this.#timer = null
        this.advance()
      })
    }
  }
}

function noPartition(topic: string, partition: number, { partitions }: TopicMetadata, who: string): MillraceError {
  const text = `Topic ${topic} has the partitions 0 to ${partitions.length - 1}, and ${who} ${describe(partition)}`
  const place = typeof partition === 'number' ? { topic, partition } : { topic }
  return new MillraceError('UNKNOWN_PARTITION', text, place)
}

/** What a batch takes of the buffer. */
function cost(batch: ProducerBatch): number {
  return batch.length + OVERHEAD * batch.count
}
