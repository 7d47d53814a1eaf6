import type { Writable } from 'node:stream'
import type { Backoff } from '../base/backoff.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { ClosedError, OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { StderrLogger } from '../base/stderr-logger.ts'
import { Meters } from '../metrics/meters.ts'
import { prometheusText } from '../metrics/prometheus-text.ts'
import type { MetricsSnapshot } from '../metrics/snapshot.ts'
import type { PropertySource } from '../properties/source.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { type Channel, type ChannelOptions, MessageChannel } from './channel.ts'
import type { Delivery, DeliveryError } from './delivery.ts'
import { Engine } from './engine.ts'
import { type Accept, type MessageOf, type ProducerMessage, type Sends, sendMany, sendOne } from './message.ts'
import { MessageSink, type WritableOptions } from './message-sink.ts'
import { type ProducerOptions, type ResolvedProducer, resolveProducer, shownOptions } from './options.ts'
import { type ProducerPropertyOptions, readProducerProperties } from './properties/read-properties.ts'
import { readings } from './readings.ts'
import type { KeyFor, MessageSerdes, NoTopicSerdes, TopicSerdes, ValueFor } from './serdes.ts'
import { closeOnSignals } from './signals.ts'
import { snapshot } from './snapshot.ts'
import type { ProducerState } from './state.ts'
import { OpenTransaction, type Transaction } from './transaction.ts'
import { outsideOfTransaction } from './transaction-error.ts'
import { WaitWatch } from './wait-watch.ts'

export interface ProducerEnvironment {
  readonly clock?: Clock
  readonly random?: Random
  /** Waits between attempts. Default: the option `retryBackoff`. */
  readonly backoff?: Backoff
}

/** Beyond `lingerMs`: messages that wait longer are told of in the log. */
const LONG_WAIT_MS = 10_000

/**
 * Writes messages to Kafka. What is sent at the same time goes together, in a batch for each partition; messages of one partition are in
 * its log in the order in which they were sent, each once.
 */
export class Producer<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes>
  implements Sends<K, V, S>, AsyncDisposable
{
  readonly #options: ResolvedProducer
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #engine: Engine
  readonly #meters: Meters | null
  readonly #watch: WaitWatch
  readonly #stopSignals: () => void
  #closing: Promise<void> | null = null

  /**
   * A producer as a `.properties` file describes it, or an object with the same keys: Kafka's, or with `dialect: 'go'` those of Go Kafka
   * Client. What is known and has no meaning here is logged as a warning.
   *
   * @throws {OptionError} that names the line
   */
  static fromProperties<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes>(
    source: PropertySource,
    options: ProducerPropertyOptions<K, V, S> = {},
  ): Producer<K, V, S> {
    const read = readProducerProperties(source, options)
    const producer = new Producer(read.options)
    for (const { key, message } of read.notes) producer.#logger.warn({ key }, message)
    return producer
  }

  /** @throws {OptionError} */
  constructor(options: ProducerOptions<K, V, S>, environment: ProducerEnvironment = {}) {
    this.#options = resolveProducer(options)
    this.#clock = environment.clock ?? systemClock
    const { logger, logLevel, retryBackoff, handleSignals, metrics, clientId, bufferBytes, lingerMs } = this.#options
    this.#logger = logger ?? new StderrLogger(logLevel, this.#clock)
    this.#logger.info(shownOptions(this.#options), 'a producer was made')
    const telling = { clock: this.#clock, logger: this.#logger }
    this.#meters = metrics === null ? null : new Meters({ ...telling, options: metrics, labels: { client: clientId } })
    this.#engine = new Engine({
      options: this.#options,
      ...telling,
      random: environment.random ?? Math.random,
      backoff: environment.backoff ?? retryBackoff,
      meters: this.#meters,
    })
    this.#meters?.start(readings(this.#engine, bufferBytes))
    this.#watch = new WaitWatch({ ...telling, longMs: LONG_WAIT_MS + lingerMs, state: () => this.state() })
    this.#stopSignals = handleSignals === null ? () => {} : this.#closeOnSignals(handleSignals.drainMs)
  }

  /**
   * All that `write` sends is in the log together, or not at all for readers of committed messages (KIP-98). When `write` rejects it is
   * aborted, and this rejects with the same; when a message cannot be written, or the transaction cannot be committed, with a
   * `TransactionError`. One follows the other; more at a time need more producers.
   */
  async transaction<T>(write: (transaction: Transaction<K, V, S>) => Promise<T>): Promise<T> {
    const { transactions, intake } = this.#engine
    if (transactions === null) throw new OptionError('transaction() needs the option transactionalId')
    if (this.#closing !== null) throw new ClosedError('The producer')
    const open = new OpenTransaction<K, V, S>({
      transactions,
      accept: intake.take,
      flush: () => this.#engine.flush(),
      drop: error => this.#engine.drop(error),
      timeoutMs: this.#options.transactionTimeoutMs,
      clock: this.#clock,
      logger: this.#logger,
    })
    return open.run(write)
  }

  /**
   * Resolves when the message is written as `acks` says. Rejects with a `DeliveryError`, which says whether it may be written all the same.
   * `serdes`, for this message, go before those of the options.
   */
  send<N extends string, MK = KeyFor<S, N, K>, MV = ValueFor<S, N, V>>(
    message: ProducerMessage<NoInfer<MK>, NoInfer<MV>, N>,
    serdes?: MessageSerdes<MK, MV>,
  ): Promise<Delivery> {
    return sendOne(this.accept, message, serdes)
  }

  /** The same for many: what became of each, in their order. Never rejects because one was not written. */
  sendBatch<N extends string, MK = KeyFor<S, N, K>, MV = ValueFor<S, N, V>>(
    messages: readonly ProducerMessage<NoInfer<MK>, NoInfer<MV>, N>[],
    serdes?: MessageSerdes<MK, MV>,
  ): Promise<readonly (Delivery | DeliveryError)[]> {
    return sendMany(this.accept, messages, serdes)
  }

  /**
   * A stream into Kafka, in object mode: `pipeline(source, producer.writable({ topic: 'orders' }))` ends when all is written, and holds the
   * source back while too much is on its way.
   *
   * @throws {OptionError}
   */
  writable<MK = K, MV = V>(options: WritableOptions<MK, MV> = {}): Writable {
    const { accumulator } = this.#engine
    return new MessageSink(options, {
      accept: this.accept,
      flush: () => this.flush(),
      isFull: () => accumulator.isFull,
      put: () => accumulator.put(),
    })
  }

  /**
   * An input, and what became of each message as two async iterables, for programs that do not wait where they send. `M` is what is
   * written: messages with whatever else is to come back with them.
   *
   * @throws {OptionError}
   */
  channel<M extends MessageOf<K, V, S> = MessageOf<K, V, S>>(options: ChannelOptions = {}): Channel<M> {
    return new MessageChannel<M>(options, {
      accept: this.accept,
      flush: () => this.flush(),
      ended: this.#engine.ended,
    })
  }

  /** Everything the producer knows of itself, now: what waits and for what, what is under way, who it is. */
  state(): ProducerState {
    const status = this.#closing === null ? 'open' : this.#engine.ended.aborted ? 'closed' : 'closing'
    return snapshot(this.#options, status, this.#engine, this.#clock)
  }

  /** All metrics, now; null unless the option `metrics` asks for them. */
  metrics(): MetricsSnapshot | null {
    return this.#meters?.snapshot() ?? null
  }

  /** The metrics as Prometheus scrapes them, in its text format; null unless the option `metrics` asks for them. */
  prometheusText(): string | null {
    return this.#meters === null ? null : prometheusText(this.#meters.registry)
  }

  /** Resolves when all that was sent before is written or has failed; nothing lingers meanwhile. */
  flush(): Promise<void> {
    return this.#engine.flush()
  }

  /**
   * Takes nothing more, and sends what is there for at most `drainMs` (default: the delivery timeout); the rest fails, so that each message is
   * told what became of it. Calling it again answers the same, and with `drainMs: 0` nothing more is waited for.
   */
  close({ drainMs = this.#options.deliveryTimeoutMs }: { drainMs?: number } = {}): Promise<void> {
    if (drainMs === 0) this.#engine.hurry()
    this.#closing ??= this.#engine.close(drainMs).finally(() => {
      this.#meters?.close()
      this.#watch.close()
      this.#stopSignals()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal What `send` does, without a promise: of no transaction. */
  readonly accept: Accept = (message, serdes, receipt, at) => {
    const { transactions, intake } = this.#engine
    if (transactions === null) intake.take(message, serdes, receipt, at)
    else receipt.failed(at, outsideOfTransaction(String(message?.topic)))
  }

  #closeOnSignals(atMost: number): () => void {
    return closeOnSignals((signal, drainMs = atMost) => {
      this.#logger.info({ signal, drainMs }, 'the producer closes')
      return this.close({ drainMs })
    })
  }
}
