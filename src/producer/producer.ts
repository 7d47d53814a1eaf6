import type { Backoff } from '../base/backoff.ts'
import { type Clock, sleep, systemClock } from '../base/clock.ts'
import { ClosedError, MillraceError, OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { StderrLogger } from '../base/stderr-logger.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import type { PropertySource } from '../properties/source.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { Accumulator } from './accumulator.ts'
import type { Delivery, DeliveryError } from './delivery.ts'
import { IdentityKeeper } from './identity.ts'
import { type ProducerOptions, type ResolvedProducer, resolveProducer, shownOptions } from './options.ts'
import { Intake } from './intake.ts'
import { type Accept, type ProducerMessage, sendMany, sendOne, type Sends } from './message.ts'
import { resolvePartitioner } from './partitioners/by-name.ts'
import { askProducerId } from './producer-id.ts'
import { type ProducerPropertyOptions, readProducerProperties } from './properties/read-properties.ts'
import { Sender } from './sender.ts'
import type { KeyFor, MessageSerdes, NoTopicSerdes, TopicSerdes, ValueFor } from './serdes.ts'
import { Topics } from './topics.ts'
import { OpenTransaction, type Transaction } from './transaction.ts'
import { TransactionCalls } from './transaction-calls.ts'
import { outsideOfTransaction } from './transaction-error.ts'
import { Transactions } from './transactions.ts'

export interface ProducerEnvironment {
  readonly clock?: Clock
  readonly random?: Random
  /** Waits between attempts. Default: the option `retryBackoff`. */
  readonly backoff?: Backoff
}

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
  readonly #client: LowLevelClient
  /** Ours, or the one that is shared. */
  readonly #native: NativeClient | null
  readonly #ownsClient: boolean
  readonly #topics: Topics
  readonly #keeper: IdentityKeeper | null
  readonly #transactions: Transactions | null
  readonly #ended = new AbortController()
  readonly #sender: Sender
  readonly #accumulator: Accumulator
  readonly #intake: Intake
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
    const random = environment.random ?? Math.random
    const { logger, logLevel, client } = this.#options
    this.#logger = logger ?? new StderrLogger(logLevel, this.#clock)
    this.#logger.info(shownOptions(this.#options), 'a producer was made')
    this.#ownsClient = client === null
    this.#client = client ?? this.#makeClient(random)
    this.#native = this.#client instanceof NativeClient ? this.#client : null
    if (this.#native === null && this.#options.idempotent) {
      throw new OptionError(
        'idempotent must be false with a client that is no NativeClient: it cannot ask for a producer id',
      )
    }
    const parts = {
      clock: this.#clock,
      random,
      logger: this.#logger,
      backoff: environment.backoff ?? this.#options.retryBackoff,
    }
    this.#topics = new Topics({
      ...parts,
      client: this.#client,
      maxAgeMs: this.#options.metadataMaxAgeMs,
      changed: () => this.#advance(),
      refused: (topic, error) => this.#accumulator.refuse(topic, error),
    })
    this.#transactions = this.#makeTransactions(parts)
    this.#keeper =
      this.#options.idempotent && this.#transactions === null
        ? new IdentityKeeper({
            ...parts,
            // Without the native client no producer is idempotent.
            ask: signal => askProducerId(this.#native as NativeClient, this.#options.requestTimeoutMs, signal),
            changed: () => this.#sender.soon(),
            failed: error => this.#abandon(error),
          })
        : null
    this.#sender = new Sender({
      ...parts,
      client: this.#client,
      topics: this.#topics,
      keeper: this.#transactions ?? this.#keeper,
      transaction: this.#transactions,
      options: this.#options,
      settled: batch => this.#accumulator.settled(batch),
    })
    this.#accumulator = new Accumulator({
      options: this.#options,
      partitioner: resolvePartitioner(this.#options.partitioner, random),
      topics: this.#topics,
      sender: this.#sender,
      clock: this.#clock,
      random,
    })
    const { serdes, topics: topicSerdes } = this.#options
    this.#intake = new Intake({
      serdes,
      topicSerdes,
      accumulator: this.#accumulator,
      clock: this.#clock,
    })
  }

  /**
   * All that `write` sends is in the log together, or not at all for readers of committed messages (KIP-98). When `write` rejects it is
   * aborted, and this rejects with the same; when a message cannot be written, or the transaction cannot be committed, with a
   * `TransactionError`. One follows the other; more at a time need more producers.
   */
  async transaction<T>(write: (transaction: Transaction<K, V, S>) => Promise<T>): Promise<T> {
    const transactions = this.#transactions
    if (transactions === null) throw new OptionError('transaction() needs the option transactionalId')
    if (this.#closing !== null) throw new ClosedError('The producer')
    const open = new OpenTransaction<K, V, S>({
      transactions,
      accept: this.#intake.take,
      flush: () => this.#flush(),
      drop: error => this.#drop(error),
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
    return sendOne(this.#accept, message, serdes)
  }

  /** The same for many: what became of each, in their order. Never rejects because one was not written. */
  sendBatch<N extends string, MK = KeyFor<S, N, K>, MV = ValueFor<S, N, V>>(
    messages: readonly ProducerMessage<NoInfer<MK>, NoInfer<MV>, N>[],
    serdes?: MessageSerdes<MK, MV>,
  ): Promise<readonly (Delivery | DeliveryError)[]> {
    return sendMany(this.#accept, messages, serdes)
  }

  /** Resolves when all that was sent before is written or has failed; nothing lingers meanwhile. */
  flush(): Promise<void> {
    return this.#flush()
  }

  /** Sends what is there, for at most `drainMs` (default: the delivery timeout); the rest fails. Takes nothing more. */
  close({ drainMs = this.#options.deliveryTimeoutMs }: { drainMs?: number } = {}): Promise<void> {
    this.#intake.close()
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Of no transaction. */
  readonly #accept: Accept = (message, serdes, receipt, at) => {
    if (this.#transactions === null) this.#intake.take(message, serdes, receipt, at)
    else receipt.failed(at, outsideOfTransaction(String(message?.topic)))
  }

  #flush(): Promise<void> {
    return this.#sender.hurry(this.#accumulator.put())
  }

  #advance(): void {
    this.#accumulator.advance()
    this.#sender.soon()
  }

  #abandon(error: Error): void {
    const cause =
      error instanceof MillraceError
        ? error
        : new MillraceError('CLIENT_FAILED', `asking for a producer id failed: ${error.message}`, { cause: error })
    this.#sender.abandon(cause)
    this.#accumulator.abandon(cause)
  }

  async #drop(error: MillraceError): Promise<void> {
    this.#accumulator.abandon(error)
    await this.#sender.drop(error)
  }

  async #close(drainMs: number): Promise<void> {
    const drained = new AbortController()
    const late = sleep(this.#clock, drainMs, drained.signal).catch(() => {})
    const closed = new ClosedError('The producer')
    await Promise.race([Promise.all([this.flush(), this.#transactions?.close(closed)]), late])
    drained.abort()
    this.#accumulator.abandon(closed)
    this.#sender.close(closed)
    this.#ended.abort(closed)
    await Promise.all([this.#keeper?.close(), this.#topics.close(), this.#ownsClient ? this.#client.close() : null])
  }

  #makeTransactions(parts: { clock: Clock; random: Random; backoff: Backoff }): Transactions | null {
    const { transactionalId, transactionTimeoutMs, requestTimeoutMs, deliveryTimeoutMs } = this.#options
    if (transactionalId === null) return null
    const client = this.#native
    if (client === null) throw new OptionError('transactionalId needs the native client: the option client is another')
    const { signal } = this.#ended
    return new Transactions({
      calls: new TransactionCalls({ ...parts, client, transactionalId, requestTimeoutMs, signal }),
      transactionalId,
      timeoutMs: transactionTimeoutMs,
      patienceMs: deliveryTimeoutMs,
      clock: this.#clock,
      changed: () => this.#sender.soon(),
    })
  }

  #makeClient(random: Random): NativeClient {
    const { brokers, clientId, tls, sasl, requestTimeoutMs, connectTimeoutMs, reconnect } = this.#options
    return new NativeClient({
      brokers,
      clientId,
      tls,
      ...(sasl === null ? {} : { sasl }),
      requestTimeoutMs,
      connectTimeoutMs,
      reconnect,
      logger: this.#logger,
      clock: this.#clock,
      random,
    })
  }
}
