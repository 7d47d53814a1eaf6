import { ClosedError, OptionError } from '../base/errors.ts'
import { HeldClock, settled } from '../base/held-clock.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import { seededRandom } from '../base/random.ts'
import { StderrLogger } from '../base/stderr-logger.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { AnyMessage } from '../consumer/claim.ts'
import type { Consumer } from '../consumer/consumer.ts'
import { Engine } from '../consumer/engine.ts'
import { type ConsumerRoute, consumerRoute, type RouteSpec } from '../consumer/route.ts'
import { type ConsumerSpec, specOf } from '../consumer/spec.ts'
import { MemoryOffsetStorage } from '../offsets/memory-storage.ts'
import { type Match, namesIn, Subscription } from '../ownership/subscription.ts'
import type { HeaderInput } from '../records/batch-builder.ts'
import { writeBatch } from '../records/batch-writer.ts'
import type { Message } from '../records/message.ts'
import { openBatch } from '../records/open-batch.ts'
import type { Decision, Failure } from '../work/failure.ts'
import type { Route } from '../work/route.ts'
import { MemoryCluster } from './memory-cluster.ts'
import { MemoryProducer } from './memory-producer.ts'
import { watchedRoute } from './watched-route.ts'

/** A message to be delivered. */
export interface TestMessage {
  readonly topic: string
  /** Default: none. */
  readonly key?: Uint8Array | string | null
  /** Bytes, or a text; anything else is written as JSON. Default null. */
  readonly value?: unknown
  readonly headers?: HeaderInput
  /** Default 0. */
  readonly partition?: number
  /** Ms since 1970. Default: what the clock says. */
  readonly timestamp?: number
}

export interface DeliverOptions {
  /** Time, which `deliver` moves on to whatever comes next. Default: a new one, which begins at the present. */
  readonly clock?: HeldClock
  /** How many partitions topics have, where it is more than they need. */
  readonly partitions?: Readonly<Record<string, number>>
  /** So much time may go by on the clock; what is not done then stays so. Default 600,000. */
  readonly maxMs?: number
}

/** A message that a handler handled. */
export interface HandledMessage {
  readonly message: Message<unknown, unknown>
  /** Which attempt it was; 1 is the first. */
  readonly attempt: number
}

/** A message whose attempts were spent, and what was decided. */
export interface FailedMessage extends Failure<AnyMessage> {
  readonly decision: Decision
}

/** What became of the messages. */
export interface Delivered {
  /** In the order in which they were done; a message of a retry topic is one of its own. */
  readonly handled: readonly HandledMessage[]
  readonly failed: readonly FailedMessage[]
  /** What was written to topics that no route reads: dead letters. */
  readonly deadLettered: readonly Message[]
  /** All that was written, retry topics included. */
  readonly written: readonly Message[]
  /** The next offset of each partition, as it would be committed. */
  readonly committed: readonly (TopicPartition & { readonly offset: number })[]
  /** How many messages are neither done nor given up: left, held, or waiting when the time was over. */
  readonly undone: number
  /** How much time went by on the clock, ms. */
  readonly elapsedMs: number
  /** Why the consumer would have stopped; null: it would go on. */
  readonly error: Error | null
}

const MAX_MS = 600_000
/** While handlers wait for something of the real world, the clock is moved on by the real time. */
const REAL_STEP_MS = 1

/**
 * Runs a consumer's routes on messages without any broker: its serdes, handlers, attempts, backoffs, decisions, dead letters and retry topics,
 * as `run()` would, in memory. Nothing of the consumer itself runs, and it stays as it is. Time goes by on a clock of its own: what waits for
 * a next attempt, or in a retry topic, waits for no real time. Timers of handlers are real.
 *
 * ```ts
 * const { handled, deadLettered } = await deliver(shop, [{ topic: 'orders', key: '1', value: { id: 1 } }])
 * ```
 *
 * @throws {OptionError} when a topic has no route
 */
export async function deliver(
  consumer: Consumer,
  messages: readonly TestMessage[],
  options: DeliverOptions = {},
): Promise<Delivered> {
  const section = new SectionCheck('deliver', options, ['clock', 'partitions', 'maxMs'])
  const spec = specOf(consumer)
  if (spec === undefined) throw new OptionError(`deliver needs a Consumer, not ${describe(consumer)}`)
  const clock = options.clock ?? new HeldClock()
  if (!(clock instanceof HeldClock)) throw section.wrong('clock', 'a HeldClock')
  const maxMs = section.number('maxMs', MAX_MS, { min: 0 })
  const delivery = new Delivery(spec, messages, options.partitions ?? {}, clock)
  return delivery.run(maxMs)
}

class Delivery {
  readonly #clock: HeldClock
  readonly #cluster: MemoryCluster
  readonly #offsets = new MemoryOffsetStorage()
  readonly #engine: Engine
  readonly #handled: HandledMessage[] = []
  readonly #failed: FailedMessage[] = []
  /** Where what was given ends, by partition. */
  readonly #given = new Map<string, number>()
  readonly #read: ReadonlySet<string>
  #error: Error | null = null

  constructor(
    spec: ConsumerSpec,
    messages: readonly TestMessage[],
    partitions: Readonly<Record<string, number>>,
    clock: HeldClock,
  ) {
    this.#clock = clock
    const topics = countPartitions(messages, partitions)
    for (const { retries } of spec.routes) {
      for (const [name, { topic }] of retries ?? []) topics.set(name, Math.max(1, topics.get(topic) ?? 1))
    }
    this.#cluster = new MemoryCluster(clock, topics)
    this.#write(messages)
    const entries = entriesOf(spec.routes, topics)
    this.#read = new Set(entries.map(({ topic }) => topic))
    const logger = spec.options.logger ?? new StderrLogger('silent', clock)
    const routes = new Map(spec.routes.map(route => [route, this.#route(route, spec)]))
    this.#engine = new Engine({
      options: { ...spec.options, client: this.#cluster, offsets: { ...spec.options.offsets, storage: this.#offsets } },
      subscription: new Subscription(
        entries.map(({ topic }) => ({ topic, partitions: [...Array(topics.get(topic) ?? 1).keys()] })),
      ),
      routes: entries.map(({ route }) => routes.get(route) as ConsumerRoute),
      groupClient: null,
      outputProducer: () => {
        const producer = { brokers: spec.options.brokers, client: this.#cluster, logger }
        return new MemoryProducer(producer, { clock, random: seededRandom(2) }, this.#offsets)
      },
      clock,
      random: seededRandom(1),
      logger,
      observation: {
        consumer: { clientId: spec.options.clientId, group: spec.options.group },
        instruments: null,
        clock,
      },
      tell: (event, ...args) => {
        if (event !== 'failed') return
        // The arguments of that event.
        const [failure, decision] = args as unknown as [Failure<AnyMessage>, Decision]
        this.#failed.push({ ...failure, decision })
      },
      fatal: error => {
        this.#error ??= error
      },
    })
  }

  async run(maxMs: number): Promise<Delivered> {
    const began = this.#clock.now()
    const started = this.#engine.start().catch(error => {
      this.#error ??= error
    })
    let real = performance.now()
    while (this.#error === null && this.#clock.now() - began <= maxMs) {
      await settled()
      if (this.#isDone) break
      if (this.#isInRealTime) {
        await new Promise(resolve => setTimeout(resolve, REAL_STEP_MS))
        await this.#clock.advance(performance.now() - real)
      } else if (!this.#clock.step()) break
      real = performance.now()
    }
    const elapsedMs = this.#clock.now() - began
    const undone = this.#undone
    await this.#close()
    await started
    const written = await this.#written()
    return {
      handled: this.#handled,
      failed: this.#failed,
      written,
      deadLettered: written.filter(({ topic }) => !this.#read.has(topic)),
      committed: this.#offsets.committed,
      undone,
      elapsedMs,
      error: this.#error,
    }
  }

  get #isDone(): boolean {
    return this.#owned === this.#readPartitions && this.#engine.dispatcher.running === 0 && this.#undone === 0
  }

  /** Whether something is awaited that takes real time: a handler, or a thread that is being made. */
  get #isInRealTime(): boolean {
    const { dispatcher, threads } = this.#engine
    return dispatcher.running > 0 || (threads !== null && threads.state.ready < threads.state.size)
  }

  get #owned(): number {
    return [...this.#engine.claims].length
  }

  get #readPartitions(): number {
    return [...this.#read].reduce((sum, topic) => sum + this.#cluster.partitions(topic), 0)
  }

  /** Of all that is in topics which are read, what is not done. */
  get #undone(): number {
    let undone = 0
    for (const topic of this.#read) {
      for (let partition = 0; partition < this.#cluster.partitions(topic); partition++) {
        const claim = this.#engine.claims.get(topic, partition)
        const end = this.#cluster.end(topic, partition)
        if (claim === undefined) undone += end
        else if (claim.progress.open > 0) undone += claim.progress.open + end - claim.reservoir.delivered
        else undone += end - Math.max(0, claim.done)
      }
    }
    return undone
  }

  #route(spec: RouteSpec, { options }: ConsumerSpec): ConsumerRoute {
    const failed = (error: Error) => {
      this.#error ??= error
    }
    const route = consumerRoute(spec, options.work, { clock: this.#clock, failed })
    const handled = (message: AnyMessage, attempt: number) => {
      this.#handled.push({ message, attempt })
    }
    /** One for all its topics, whose messages may be in one batch. */
    let work: Route<AnyMessage> | undefined
    return {
      ...route,
      work: (onFailure, watched, pool) => {
        work ??= route.work(onFailure, inner => watched(watchedRoute(inner, handled)), pool)
        return work
      },
    }
  }

  #write(messages: readonly TestMessage[]): void {
    const now = this.#clock.wallTime()
    for (const [place, those] of Map.groupBy(messages, ({ topic, partition = 0 }) =>
      JSON.stringify([topic, partition]),
    )) {
      const [topic, partition] = JSON.parse(place) as [string, number]
      const records = writeBatch(
        those.map(({ key = null, value = null, headers, timestamp = now }) => {
          return { key, value: bytesOf(value), timestamp, ...(headers === undefined ? {} : { headers }) }
        }),
      )
      void this.#cluster.produce([{ topic, partition, records }])
      this.#given.set(place, those.length)
    }
  }

  /** What the routes wrote, by topic and partition. */
  async #written(): Promise<Message[]> {
    const written: Message[] = []
    for (const topic of this.#cluster.topics) {
      for (let partition = 0; partition < this.#cluster.partitions(topic); partition++) {
        const given = this.#given.get(JSON.stringify([topic, partition])) ?? 0
        const highWatermark = this.#cluster.end(topic, partition)
        for (const batch of this.#cluster.log(topic, partition)) {
          const open = await openBatch(batch, { topic, partition, highWatermark, maxInflatedBytes: 2 ** 30 })
          for (let message = open.next(); message !== null; message = open.next()) {
            if (message.offset >= given) written.push(message)
          }
        }
      }
    }
    return written
  }

  /** Whatever waits is not waited for. */
  async #close(): Promise<void> {
    const hurry = new AbortController()
    hurry.abort(new ClosedError('The delivery'))
    let closed = false
    const closing = this.#engine.close({ drainMs: 0, leave: false, hurry: hurry.signal }).finally(() => {
      closed = true
    })
    while (!closed) {
      await settled()
      if (!closed) this.#clock.step()
    }
    await closing
  }
}

/** As many as the messages need, or as are said. */
function countPartitions(
  messages: readonly TestMessage[],
  said: Readonly<Record<string, number>>,
): Map<string, number> {
  const topics = new Map(Object.entries(said))
  for (const { topic, partition = 0 } of messages) {
    if (!Number.isInteger(partition) || partition < 0) {
      throw new OptionError(
        `a message to ${topic} has the partition ${describe(partition)}: a whole number from 0 is expected`,
      )
    }
    topics.set(topic, Math.max(partition + 1, topics.get(topic) ?? 1))
  }
  return topics
}

/** Each topic with its route, retry topics and topics without a message included. */
function entriesOf(
  routes: readonly RouteSpec[],
  topics: ReadonlyMap<string, number>,
): { topic: string; route: RouteSpec }[] {
  const subscription = new Subscription(
    routes.map(({ match }) => plain(match)),
    routes.map(({ options }) => options.internal ?? false),
  )
  const named = routes.flatMap(({ match }) => namesIn(match) ?? [])
  return [...new Set([...topics.keys(), ...named])].map(topic => {
    const at = subscription.route(topic, false)
    if (at === null) throw new OptionError(`no route of the consumer reads the topic ${topic}`)
    return { topic, route: routes[at] as RouteSpec }
  })
}

/** Which partitions a route names is of no interest here. */
function plain(match: Match): Match {
  return typeof match === 'object' && 'partitions' in match ? match.topic : match
}

function bytesOf(value: unknown): Uint8Array | string | null {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value
  const text = JSON.stringify(value)
  if (text === undefined) throw new OptionError(`a value of ${describe(value)} has no JSON: give its bytes`)
  return text
}
