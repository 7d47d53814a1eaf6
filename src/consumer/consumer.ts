import { EventEmitter } from 'node:events'
import { type Clock, systemClock } from '../base/clock.ts'
import { MillraceError, OptionError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { describe } from '../base/option-check.ts'
import type { Random } from '../base/random.ts'
import { onSignals } from '../base/signals.ts'
import { StderrLogger } from '../base/stderr-logger.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { StartPosition } from '../fetch/options.ts'
import { prometheusText } from '../metrics/prometheus-text.ts'
import type { MetricsSnapshot } from '../metrics/snapshot.ts'
import type { GroupClient } from '../ownership/group/group-client.ts'
import { describeMatch, type Match, Subscription } from '../ownership/subscription.ts'
import type { PropertySource } from '../properties/source.ts'
import { ThreadedHandler } from '../threads/threads.ts'
import type { HandlerContext } from '../work/context.ts'
import { Engine } from './engine.ts'
import type { CloseResult, ConsumerEvents } from './events.ts'
import { Instruments } from './instruments.ts'
import type { Observation } from './observed.ts'
import { type ConsumerOptions, isStart, type ResolvedOptions, resolveOptions } from './options.ts'
import type { TransactionContext } from './outputs.ts'
import { checkDrain } from './ownership-options.ts'
import { type PropertyOptions, readProperties } from './properties/read-properties.ts'
import {
  type BatchHandler,
  checkRoute,
  checkTransactedRoute,
  consumerRoute,
  type Handler,
  type RouteOptions,
  type RouteSpec,
  retryRoute,
  routeWork,
} from './route.ts'
import { snapshot } from './snapshot.ts'
import { keepSpec } from './spec.ts'
import type { ConsumerState, ConsumerStatus } from './state.ts'
import type { TransactionOption, TransactionOptions } from './transaction-options.ts'

export interface RunOptions {
  /**
   * The first SIGINT or SIGTERM closes the consumer; a second one aborts the handlers that still run, commits what is done and
   * leaves; a third is the system's default. Default false.
   */
  handleSignals?: boolean
  /** Closes the consumer when it aborts. */
  signal?: AbortSignal
}

export interface CloseOptions {
  /** How long running handlers may go on before their signals are aborted, ms. Default `ownership.drainMs`. */
  drainMs?: number
  /**
   * Whether the group is told at once, so that others take over; else it waits for the session timeout. Default true, and false with
   * `ownership.instanceId`: it is about to come back.
   */
  leave?: boolean
}

/** Time, randomness and the group's coordinator, for tests that hold them. */
export interface ConsumerEnvironment {
  readonly clock?: Clock
  readonly random?: Random
  readonly groupClient?: GroupClient
}

/** What handlers are given: where options surely have `work.transaction`, they can send. */
export type ContextOf<T extends TransactionOption | undefined> = [T] extends [true | TransactionOptions]
  ? TransactionContext
  : HandlerContext

/** Longest interval that a timer takes. */
const FOREVER = 2 ** 31 - 1

/**
 * Reads topics of Kafka and hands their messages to handlers: many at a time, in the order each route asks for, committing
 * exactly what is done. Routes are added with `topic`, then `run` does the work until `close`.
 *
 * ```ts
 * const shop = new Consumer({ brokers: ['localhost:9092'], group: 'shop' })
 *   .topic('orders', async (order, { signal }) => save(order.value, signal))
 * await shop.run({ handleSignals: true })
 * ```
 */
export class Consumer<const T extends TransactionOption | undefined = TransactionOption | undefined>
  extends EventEmitter<ConsumerEvents>
  implements AsyncDisposable
{
  readonly #options: ResolvedOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #groupClient: GroupClient | null
  readonly #routes: RouteSpec[] = []
  readonly #hurry = new AbortController()
  #status: ConsumerStatus = 'idle'
  #engine: Engine | null = null
  readonly #instruments: Instruments | null
  #error: Error | null = null
  #closing: Promise<CloseResult> | null = null
  /** Partitions that were paused before there was an engine. */
  readonly #pausedEarly: [paused: boolean, partitions: readonly TopicPartition[] | undefined][] = []

  /** @throws {OptionError} that names the wrong option and what was expected */
  constructor(options: ConsumerOptions<T>, environment: ConsumerEnvironment = {}) {
    super()
    this.#options = resolveOptions(options)
    this.#clock = environment.clock ?? systemClock
    this.#random = environment.random ?? Math.random
    this.#groupClient = environment.groupClient ?? null
    this.#logger = this.#options.logger ?? new StderrLogger(this.#options.logLevel, this.#clock)
    const { metrics, clientId, group } = this.#options
    const parts = { clientId, group, clock: this.#clock, logger: this.#logger }
    this.#instruments = metrics === null ? null : new Instruments({ ...parts, options: metrics })
    keepSpec(this, { options: this.#options, routes: this.#routes })
  }

  /**
   * A consumer as a `.properties` file describes it, or an object with the same keys: Kafka's, or with `dialect: 'go'` those of Go Kafka
   * Client. Keys without meaning here are logged; `readProperties` answers them, and the options.
   *
   * @throws {OptionError} that names the line
   */
  static fromProperties(source: PropertySource, options: PropertyOptions = {}): Consumer {
    const read = readProperties(source, options)
    const consumer: Consumer = new Consumer(read.options)
    for (const { key, message } of read.notes) consumer.#logger.warn({ key }, message)
    return consumer
  }

  /**
   * Adds a route: which topics, what their bytes become, and who handles them. An exact name beats a pattern.
   *
   * @throws {OptionError} also when the consumer already runs
   */
  topic<K = Buffer | null, V = Buffer | null>(
    match: Match,
    handler: Handler<K, V, ContextOf<T>> | BatchHandler<K, V, ContextOf<T>> | ThreadedHandler,
  ): this
  topic<K = Buffer | null, V = Buffer | null>(
    match: Match,
    options: RouteOptions<K, V>,
    handler: Handler<K, V, ContextOf<T>> | BatchHandler<K, V, ContextOf<T>> | ThreadedHandler,
  ): this
  topic<K, V>(
    match: Match,
    ...rest:
      | [handler: Handler<K, V, ContextOf<T>> | BatchHandler<K, V, ContextOf<T>> | ThreadedHandler]
      | [
          options: RouteOptions<K, V>,
          handler: Handler<K, V, ContextOf<T>> | BatchHandler<K, V, ContextOf<T>> | ThreadedHandler,
        ]
  ): this {
    if (this.#status !== 'idle') throw new OptionError('routes are added before run()')
    const [options, handler] = rest.length === 1 ? [{}, rest[0]] : rest
    const route = checkRoute({ match, options, handler } as RouteSpec)
    if (this.#options.work.transaction !== null) checkTransactedRoute(route)
    const { abandonMs } = routeWork(route, this.#options.work)
    if (this.#options.group !== null) checkDrain(this.#options.ownership, abandonMs)
    const retries = retryRoute(route, this.#options.work, this.#options.group)
    this.#routes.push(route, ...(retries === null ? [] : [retries]))
    this.#subscription()
    return this
  }

  /**
   * Consumes until `close` is called, then resolves; rejects with the cause after an error that ends the consumer. Network
   * trouble is not one: it is waited out, visible in the log, in events and in `state()`. Keeps the process alive.
   */
  async run(options: RunOptions = {}): Promise<void> {
    if (this.#status !== 'idle') throw new MillraceError('ALREADY_RUN', 'a consumer runs once: make a new one')
    this.#checkRoutes()
    options.signal?.throwIfAborted()
    this.#status = 'starting'
    const alive = this.#clock.every(FOREVER, () => {})
    const close = () => void this.close()
    const stopSignals = options.handleSignals ? onSignals(close, () => this.#hurry.abort()) : () => {}
    options.signal?.addEventListener('abort', close)
    try {
      await this.#consume()
    } finally {
      alive.cancel()
      stopSignals()
      options.signal?.removeEventListener('abort', close)
    }
    if (this.#error !== null) throw this.#error
  }

  /**
   * Stops handing out messages, lets running handlers finish, commits what is done and lets go of everything. Never rejects
   * because a handler is slow; calling it again answers the same, and with `drainMs: 0` waits for no handler any more.
   */
  close(options: CloseOptions = {}): Promise<CloseResult> {
    const { drainMs, instanceId } = this.#options.ownership
    if (this.#closing !== null && options.drainMs === 0) this.#hurry.abort()
    this.#closing ??= this.#close(options.drainMs ?? drainMs, options.leave ?? instanceId === null)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Hands out no more messages of these partitions (default: all, those to come too); what was fetched is kept. */
  pause(partitions?: readonly TopicPartition[]): void {
    this.#setPaused(true, partitions)
  }

  resume(partitions?: readonly TopicPartition[]): void {
    this.#setPaused(false, partitions)
  }

  /**
   * Goes on at another offset, which is committed. Handlers of older messages get their signal, and what they answer is dropped.
   *
   * @throws {MillraceError} `NOT_OWNED`
   */
  seek(partition: TopicPartition, position: number | StartPosition): void {
    const sound = typeof position === 'number' ? Number.isSafeInteger(position) && position >= 0 : isStart(position)
    if (!sound) {
      const expected = "an offset, 'earliest', 'latest' or { timestamp: ms }"
      throw new OptionError(`a position must be ${expected}, not ${describe(position)}`)
    }
    if (this.#engine === null) throw new MillraceError('NOT_RUNNING', 'seek needs a running consumer')
    this.#engine.seek(partition, position)
  }

  /** Everything the consumer knows of itself, now. */
  state(): ConsumerState {
    return snapshot(this.#options, this.#status, this.#engine, this.#error)
  }

  /** All metrics, now; null unless the option `metrics` asks for them. */
  metrics(): MetricsSnapshot | null {
    return this.#instruments?.snapshot() ?? null
  }

  /** The metrics as Prometheus scrapes them, in its text format; null unless the option `metrics` asks for them. */
  prometheusText(): string | null {
    return this.#instruments === null ? null : prometheusText(this.#instruments.registry)
  }

  async #consume(): Promise<void> {
    const { work, clientId, group } = this.#options
    const instruments = this.#instruments
    const observation: Observation = { consumer: { clientId, group }, instruments, clock: this.#clock }
    const engine = new Engine({
      options: this.#options,
      subscription: this.#subscription(),
      routes: this.#routes.map(route =>
        consumerRoute(route, work, { clock: this.#clock, failed: error => this.#fail(error) }),
      ),
      groupClient: this.#groupClient,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      observation,
      tell: (event, ...args) => {
        instruments?.events.add({ event })
        try {
          // The emitter's own types do not see that `args` belongs to `event`.
          ;(this.emit as (event: string, ...args: unknown[]) => boolean).call(this, event, ...args)
        } catch (error) {
          this.#logger.error({ err: toError(error) }, `a listener of '${event}' threw`)
        }
      },
      fatal: error => this.#fail(error),
    })
    this.#engine = engine
    instruments?.start(engine)
    for (const early of this.#pausedEarly) engine.claims.setPaused(...early)
    const { brokers } = this.#options
    const topics = this.#routes.map(route => describeMatch(route.match))
    this.#logger.info({ brokers, group, clientId, topics }, 'starting')
    engine.start().then(
      () => {
        if (this.#status === 'starting') this.#status = 'running'
      },
      error => {
        if (this.#closing === null) this.#fail(toError(error))
      },
    )
    await this.#closed.promise
  }

  readonly #closed = Promise.withResolvers<void>()

  #fail(error: Error): void {
    if (this.#error !== null || this.#closing !== null) return
    this.#error = error
    this.#logger.error({ err: error }, error.message)
    void this.close()
  }

  async #close(drainMs: number, leave: boolean): Promise<CloseResult> {
    const engine = this.#engine
    let result: CloseResult = { drained: true, undone: 0 }
    if (engine !== null) {
      this.#status = 'draining'
      try {
        result = await engine.close({ drainMs, leave, hurry: this.#hurry.signal })
      } catch (error) {
        this.#error ??= toError(error)
      }
      engine.tell('closed', result)
    }
    this.#instruments?.close()
    this.#status = 'closed'
    this.#closed.resolve()
    return result
  }

  #setPaused(paused: boolean, partitions: readonly TopicPartition[] | undefined): void {
    if (this.#engine === null) this.#pausedEarly.push([paused, partitions])
    else this.#engine.setPaused(paused, partitions)
  }

  #subscription(): Subscription {
    return new Subscription(
      this.#routes.map(({ match }) => match),
      this.#routes.map(({ options }) => options.internal ?? false),
    )
  }

  #checkRoutes(): void {
    const [first] = this.#routes
    if (first === undefined) throw new OptionError('a consumer needs a route: add one with topic(match, handler)')
    if (
      this.#options.work.threads !== null &&
      !this.#routes.some(({ handler }) => handler instanceof ThreadedHandler)
    ) {
      throw new OptionError('work.threads needs a route whose handler runs in threads: threads(…)')
    }
    const named = this.#routes.filter(({ match }) => typeof match === 'object' && 'partitions' in match)
    if (named.length > 0 && named.length < this.#routes.length) {
      throw new OptionError('all routes name their partitions, or none does')
    }
  }
}
