import type { Backoff } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { ClosedError, MillraceError, OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { clientAccess } from '../client/access-options.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import type { Meters } from '../metrics/meters.ts'
import { Accumulator } from './accumulator.ts'
import { IdentityKeeper } from './identity.ts'
import { Intake } from './intake.ts'
import { Ledger } from './ledger.ts'
import type { ResolvedProducer } from './options.ts'
import { askProducerId } from './producer-id.ts'
import { Sender } from './sender.ts'
import { Topics } from './topics.ts'
import { TransactionCalls } from './transaction-calls.ts'
import { Transactions } from './transactions.ts'

export interface EngineParts {
  readonly options: ResolvedProducer
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly backoff: Backoff
  /** Null: nobody wants metrics. */
  readonly meters: Meters | null
}

/** All parts of a producer, and what they know of each other. */
export class Engine {
  readonly client: LowLevelClient
  readonly ledger: Ledger
  readonly topics: Topics
  readonly keeper: IdentityKeeper | null
  readonly transactions: Transactions | null
  readonly sender: Sender
  readonly accumulator: Accumulator
  readonly intake: Intake
  readonly #parts: EngineParts
  readonly #drained = new AbortController()
  readonly #ended = new AbortController()

  /** @throws {OptionError} */
  constructor(parts: EngineParts) {
    this.#parts = parts
    const { options, clock, random } = parts
    this.ledger = new Ledger(clock, parts.meters)
    this.client = options.client ?? makeClient(parts)
    const native = this.client instanceof NativeClient ? this.client : null
    if (native === null && options.idempotent) {
      throw new OptionError(
        'idempotent must be false with a client that is no NativeClient: it cannot ask for a producer id',
      )
    }
    this.topics = new Topics({
      ...parts,
      client: this.client,
      maxAgeMs: options.metadataMaxAgeMs,
      changed: () => this.#advance(),
      refused: (topic, error) => this.accumulator.refuse(topic, error),
    })
    this.transactions = this.#makeTransactions(native)
    this.keeper = this.#makeKeeper(native)
    this.sender = new Sender({
      ...parts,
      client: this.client,
      topics: this.topics,
      keeper: this.transactions ?? this.keeper,
      transaction: this.transactions,
      ledger: this.ledger,
      settled: batch => {
        this.ledger.settled(batch)
        this.accumulator.settled(batch)
      },
      split: (batch, parts) => this.accumulator.split(batch, parts),
    })
    this.accumulator = new Accumulator({
      options,
      partitioner: options.partitioner(random),
      topics: this.topics,
      sender: this.sender,
      ledger: this.ledger,
      clock,
      random,
    })
    const { serdes, topics: topicSerdes } = options
    this.intake = new Intake({ serdes, topicSerdes, accumulator: this.accumulator, ledger: this.ledger, clock })
  }

  /** Aborts when all is over. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  flush(): Promise<void> {
    return this.sender.hurry(this.accumulator.put())
  }

  /** Gives up all that was sent; resolves when what was under way is told what became of it. */
  async drop(error: MillraceError): Promise<void> {
    this.accumulator.abandon(error)
    await this.sender.drop(error)
  }

  async close(drainMs: number): Promise<void> {
    const { clock, options } = this.#parts
    this.intake.close()
    const late = sleep(clock, drainMs, this.#drained.signal).catch(() => {})
    const closed = new ClosedError('The producer')
    await Promise.race([Promise.all([this.flush(), this.transactions?.close(closed)]), late])
    this.#drained.abort()
    this.accumulator.abandon(closed)
    this.sender.close(closed)
    this.#ended.abort(closed)
    await Promise.all([this.keeper?.close(), this.topics.close(), options.client === null ? this.client.close() : null])
  }

  /** While it closes: waits for nothing more. */
  hurry(): void {
    this.#drained.abort()
  }

  #advance(): void {
    this.accumulator.advance()
    this.sender.soon()
  }

  #abandon(error: Error): void {
    const cause =
      error instanceof MillraceError
        ? error
        : new MillraceError('CLIENT_FAILED', `asking for a producer id failed: ${error.message}`, { cause: error })
    this.sender.abandon(cause)
    this.accumulator.abandon(cause)
  }

  #makeKeeper(client: NativeClient | null): IdentityKeeper | null {
    const { options } = this.#parts
    if (client === null || !options.idempotent || options.transactionalId !== null) return null
    return new IdentityKeeper({
      ...this.#parts,
      ask: signal => askProducerId(client, options.requestTimeoutMs, signal),
      changed: () => this.sender.soon(),
      failed: error => this.#abandon(error),
    })
  }

  #makeTransactions(client: NativeClient | null): Transactions | null {
    const { options, clock, random, backoff } = this.#parts
    const { transactionalId, transactionTimeoutMs, requestTimeoutMs, deliveryTimeoutMs } = options
    if (transactionalId === null || client === null) return null
    const { signal } = this.#ended
    return new Transactions({
      calls: new TransactionCalls({ clock, random, backoff, client, transactionalId, requestTimeoutMs, signal }),
      transactionalId,
      timeoutMs: transactionTimeoutMs,
      patienceMs: deliveryTimeoutMs,
      clock,
      changed: () => this.sender.soon(),
    })
  }
}

function makeClient({ options, logger, clock, random }: EngineParts): NativeClient {
  return new NativeClient({ ...clientAccess(options), logger, clock, random })
}
