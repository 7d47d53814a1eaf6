import type { Clock, Timer } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import { AnyPartition } from './any-partition.ts'
import { ProducerBatch } from './batch.ts'
import type { Outgoing } from './outgoing.ts'
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
  readonly clock: Clock
  readonly random: Random
}

/** A topic's partitions: all, and those that have a leader, or all when none has. */
interface Places {
  readonly all: readonly number[]
  readonly available: readonly number[]
}

/** Messages that may wait for room, a topic or a serde. Who sends more without waiting for any is told so. */
const MOST_WAITING = 100_000
/** What a message costs beside its bytes: its promise, and its place in lists. */
const OVERHEAD = 100
const FIRST_BYTES = 1_024

/**
 * Puts messages into batches, those of one topic in the order in which they came. One that cannot be put in yet, because its topic is not
 * known, the buffer is full or a serde is not through, waits in the topic's line, and those behind it with it.
 */
export class Accumulator {
  readonly #parts: AccumulatorParts
  readonly #lines = new Map<string, Outgoing[]>()
  readonly #any = new Map<string, AnyPartition>()
  readonly #places = new WeakMap<TopicMetadata, Places>()
  #waiting = 0
  /** Messages that ever had to wait. */
  #entered = 0
  #putWaiters: { readonly last: number; resolve(): void }[] = []
  #bytes = 0
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

  add(message: Outgoing): void {
    const line = this.#lines.get(message.topic)
    if (line === undefined && this.#put(message)) return
    if (this.#waiting >= MOST_WAITING) {
      const text = `${MOST_WAITING} messages wait to be sent already: wait for some of them before sending more`
      message.fail(new MillraceError('BUFFER_FULL', text, { topic: message.topic, retriable: true }))
      return
    }
    this.#waiting++
    message.turn = ++this.#entered
    if (line === undefined) this.#lines.set(message.topic, [message])
    else line.push(message)
    this.#setTimer()
  }

  /** Resolves when all that waits now is in a batch or has failed. */
  put(): Promise<void> {
    if (this.#waiting === 0) return Promise.resolve()
    return new Promise(resolve => this.#putWaiters.push({ last: this.#entered, resolve }))
  }

  /** A topic was looked up, a serde is through, or there is room again: puts in what waits and can be. */
  advance(): void {
    for (const [topic, line] of [...this.#lines]) {
      let put = 0
      while (put < line.length && this.#put(line[put] as Outgoing)) put++
      this.#waiting -= put
      if (put === line.length) this.#lines.delete(topic)
      else if (put > 0) this.#lines.set(topic, line.slice(put))
    }
    this.#setTimer()
    this.#tellPut()
  }

  /** Gives up what waits for a topic that will not be known. */
  refuse(topic: string, error: MillraceError): void {
    for (const message of this.#lines.get(topic) ?? []) message.fail(error)
    this.advance()
  }

  settled(batch: ProducerBatch): void {
    this.#bytes -= cost(batch)
    if (this.#waiting > 0) this.advance()
  }

  /** Gives up what waits. */
  abandon(error: MillraceError): void {
    for (const line of this.#lines.values()) for (const message of line) message.fail(error)
    this.#lines.clear()
    this.#waiting = 0
    this.#setTimer()
    this.#tellPut()
  }

  /** Puts the message into a batch, or fails it; answers false when it has to wait. */
  #put(message: Outgoing): boolean {
    if (message.settled) return true
    const { clock, topics, sender } = this.#parts
    if (clock.now() >= message.deadline) {
      message.fail(this.#tooLate(message))
      return true
    }
    if (message.encoding) return false
    const metadata = topics.get(message.topic)
    if (metadata === null) return false
    try {
      return this.#append(message, metadata, sender)
    } catch (thrown) {
      const error = toError(thrown)
      message.fail(
        error instanceof MillraceError
          ? error
          : new MillraceError(
              'PARTITIONER',
              `The partitioner failed for a message to ${message.topic}: ${error.message}`,
              {
                cause: error,
              },
            ),
      )
      return true
    }
  }

  #append(message: Outgoing, metadata: TopicMetadata, sender: Sender): boolean {
    const { batchBytes, batchMessages, maxRequestBytes, bufferBytes, deliveryTimeoutMs } = this.#parts.options
    const { topic, timestamp } = message
    const places = this.#placesOf(metadata)
    const any = message.partition < 0 ? this.#choose(message, places) : null
    const partition =
      any === null
        ? this.#checked(message, metadata)
        : any.choose(places.available, at => sender.queue(topic, at).all.length)
    const queue = sender.queue(topic, partition)
    const record = { key: message.rawKey, value: message.rawValue, headers: message.headers }
    let batch = queue.open
    let bytes = batch?.sizeOf(record, timestamp) ?? 0
    const fits = batch !== undefined && batch.length + bytes <= batchBytes && batch.count < batchMessages
    if (batch === undefined || !fits) {
      const now = this.#parts.clock.now()
      batch = new ProducerBatch(topic, partition, now, now + deliveryTimeoutMs, FIRST_BYTES)
      bytes = batch.sizeOf(record, timestamp)
      if (batch.length + bytes > maxRequestBytes) throw this.#tooLarge(message, partition, batch.length + bytes)
    }
    const before = batch.count === 0 ? 0 : cost(batch)
    // One that is larger than the buffer may be alone in it.
    if (this.#bytes > 0 && this.#bytes - before + batch.length + bytes + OVERHEAD * (batch.count + 1) > bufferBytes) {
      return false
    }
    if (batch.count === 0) queue.add(batch)
    batch.add(record, timestamp, message.receipt)
    any?.used(batch.count < batchMessages ? bytes : batchBytes)
    this.#bytes += cost(batch) - before
    sender.added(queue)
    return true
  }

  /** Asks the partitioner once; null: it chose. */
  #choose(message: Outgoing, { all, available }: Places): AnyPartition | null {
    const { partitioner, random, options } = this.#parts
    const { topic, key, value, rawKey } = message
    const raw = typeof rawKey === 'string' ? Buffer.from(rawKey) : rawKey
    const chosen = partitioner.choose(
      { topic, key, value, rawKey: raw },
      partitioner.requiresConsistency ? all : available,
    )
    if (chosen !== null) {
      message.partition = chosen
      return null
    }
    let any = this.#any.get(topic)
    if (any === undefined) {
      any = new AnyPartition(random, options.batchBytes)
      this.#any.set(topic, any)
    }
    return any
  }

  #placesOf(metadata: TopicMetadata): Places {
    let places = this.#places.get(metadata)
    if (places === undefined) {
      const all = metadata.partitions.map(({ partition }) => partition)
      const led = metadata.partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => partition)
      places = { all, available: led.length > 0 ? led : all }
      this.#places.set(metadata, places)
    }
    return places
  }

  #checked({ topic, partition }: Outgoing, { partitions }: TopicMetadata): number {
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions.length) return partition
    const text = `Topic ${topic} has the partitions 0 to ${partitions.length - 1}, and none is ${partition}`
    throw new MillraceError('UNKNOWN_PARTITION', text, { topic, partition })
  }

  #tooLarge({ topic }: Outgoing, partition: number, bytes: number): MillraceError {
    const { maxRequestBytes } = this.#parts.options
    const text =
      `A message to ${partitionName(topic, partition)} makes a batch of ${bytes} bytes, and maxRequestBytes is ${maxRequestBytes}: ` +
      "raise that, and the broker's message.max.bytes, or send less"
    return new MillraceError('MESSAGE_TOO_LARGE', text, { topic, partition })
  }

  #tooLate({ topic, encoding }: Outgoing): MillraceError {
    const { topics, options } = this.#parts
    const error = topics.error(topic)
    const why = encoding
      ? 'its serde is not through'
      : error === null
        ? `the buffer of ${options.bufferBytes} bytes is full`
        : `its topic is not known: ${error.message}`
    const text = `A message to ${topic} could not be sent within ${options.deliveryTimeoutMs} ms: ${why}`
    return new MillraceError('DELIVERY_TIMEOUT', text, { topic, retriable: true, cause: error ?? undefined })
  }

  #tellPut(): void {
    if (this.#putWaiters.length === 0) return
    let first = Number.POSITIVE_INFINITY
    for (const line of this.#lines.values()) first = Math.min(first, line[0]?.turn ?? first)
    this.#putWaiters = this.#putWaiters.filter(({ last, resolve }) => {
      if (first <= last) return true
      resolve()
      return false
    })
  }

  /** For the first that may have waited for too long. */
  #setTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#waiting === 0) return
    const { clock } = this.#parts
    let first = Number.POSITIVE_INFINITY
    for (const line of this.#lines.values()) first = Math.min(first, line[0]?.deadline ?? first)
    this.#timer = clock.after(Math.max(0, first - clock.now()), () => this.advance())
  }
}

/** What a batch takes of the buffer. */
function cost(batch: ProducerBatch): number {
  return batch.length + OVERHEAD * batch.count
}
