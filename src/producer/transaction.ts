import type { Clock } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { type Delivery, DeliveryError, type Receipt } from './delivery.ts'
import { type Accept, type Sends, sendMany, sendOne, type UncheckedMessage } from './message.ts'
import type { MessageSerdes, NoTopicSerdes, TopicSerdes } from './serdes.ts'
import type { TransactionGroup, TransactionOffset } from './transaction-calls.ts'
import { abortedBecause, outsideOfTransaction, TransactionError } from './transaction-error.ts'
import type { Opened, Transactions } from './transactions.ts'

/**
 * What can be done in a transaction, until the function that it was given to has settled. `send` resolves when the message is in the log;
 * whether it counts, the end of the transaction says. One that fails makes all of it be aborted.
 */
export interface Transaction<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes> extends Sends<K, V, S> {
  /** Aborted when the transaction cannot be committed any more: a function that takes long may end early. Its reason says why. */
  readonly signal: AbortSignal
  /**
   * Commits these offsets of a group if the transaction is committed, as that member of it (KIP-447). When the group refuses, because the
   * member is none any more, all of the transaction is aborted.
   */
  sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void>
}

export interface OpenTransactionParts {
  readonly transactions: Transactions
  readonly accept: Accept
  /** Resolves when all messages are written or have failed. */
  readonly flush: () => Promise<void>
  /** Gives up all messages; resolves when none is under way any more. */
  readonly drop: (error: MillraceError) => Promise<void>
  readonly timeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Of the transaction's time: the rest is for ending it before the coordinator does, which would be for good (KIP-588). */
const SHARE_OF_FUNCTION = 0.9

/** One transaction, from its beginning to its end. */
export class OpenTransaction<K, V, S extends TopicSerdes> implements Transaction<K, V, S>, Opened {
  readonly #parts: OpenTransactionParts
  readonly #aborter = new AbortController()
  readonly #stopped = Promise.withResolvers<never>()
  /** Commits of offsets that are under way. */
  readonly #offsets = new Set<Promise<void>>()
  /** The function has settled, or is not waited for any more. */
  #over = false
  #last: WatchedReceipt | null = null

  constructor(parts: OpenTransactionParts) {
    this.#parts = parts
    this.#stopped.promise.catch(() => {})
  }

  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  /** Rejects with what `write` threw, or with a `TransactionError` when the transaction could not be committed. */
  async run<T>(write: (transaction: Transaction<K, V, S>) => Promise<T>): Promise<T> {
    const { transactions, flush, clock, timeoutMs } = this.#parts
    await transactions.begin(this)
    const mostMs = timeoutMs * SHARE_OF_FUNCTION
    const timer = clock.after(mostMs, () => this.stop(tookTooLong(mostMs)))
    try {
      if (transactions.broken !== null) throw transactions.broken
      const result = await Promise.race([write(this), this.#stopped.promise])
      this.#over = true
      await Promise.all([flush(), ...this.#offsets])
      await transactions.commit()
      return result
    } catch (thrown) {
      throw await this.#aborted(thrown)
    } finally {
      this.#over = true
      timer.cancel()
    }
  }

  send(message: UncheckedMessage, serdes?: MessageSerdes<never, never>): Promise<Delivery> {
    return this.#told(sendOne(this.#accept, message, serdes))
  }

  sendBatch(
    messages: readonly UncheckedMessage[],
    serdes?: MessageSerdes<never, never>,
  ): Promise<readonly (Delivery | DeliveryError)[]> {
    return sendMany(this.#accept, messages, serdes)
  }

  sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void> {
    if (this.#over) return this.#told(Promise.reject(new MillraceError('NO_TRANSACTION', 'The transaction is over')))
    const committed = this.#parts.transactions.sendOffsets(offsets, group)
    this.#offsets.add(committed)
    committed.catch(() => {}).finally(() => this.#offsets.delete(committed))
    return committed
  }

  /** Who does not wait for it is told by the end of the transaction; but not of what comes after a good end. */
  #told<T>(promise: Promise<T>): Promise<T> {
    if (!this.#over || this.signal.aborted) promise.catch(() => {})
    return promise
  }

  broke(error: Error): void {
    const aborted = abortedBecause(error)
    this.#aborter.abort(aborted)
    // Not at once: it may be a batch that says so, while its queue is being looked at.
    queueMicrotask(() => void this.#parts.drop(aborted))
  }

  stop(error: Error): void {
    if (this.#over) return
    this.#parts.transactions.fail(error)
    this.#stopped.reject(error)
  }

  readonly #accept: Accept = (message, serdes, receipt, at) => {
    const { transactions, accept } = this.#parts
    if (this.#over) receipt.failed(at, outsideOfTransaction(String(message?.topic)))
    else if (transactions.broken === null) accept(message, serdes, this.#watched(receipt), at)
    else receipt.failed(at, notSent(String(message?.topic), transactions.broken))
  }

  #watched(receipt: Receipt): Receipt {
    // Messages of a list have one for all.
    if (this.#last?.receipt !== receipt) this.#last = new WatchedReceipt(receipt, this.#parts.transactions)
    return this.#last
  }

  /** Aborts it; answers what it is to be rejected with. */
  async #aborted(thrown: unknown): Promise<unknown> {
    const { transactions, drop, logger } = this.#parts
    if (thrown instanceof TransactionError && thrown.code === 'TRANSACTION_UNKNOWN') return thrown
    const itsOwn = !this.#over && transactions.broken === null
    this.#over = true
    transactions.fail(toError(thrown))
    // The first reason: what the function threw may come from it.
    const cause = transactions.broken ?? toError(thrown)
    await drop(abortedBecause(cause))
    await Promise.allSettled(this.#offsets)
    try {
      await transactions.abort()
    } catch (trouble) {
      const { transactionalId } = transactions
      logger.warn({ err: trouble, transactionalId }, 'a transaction could not be aborted now: the coordinator does it')
    }
    if (itsOwn) return thrown
    return transactions.fenced ?? abortedBecause(cause)
  }
}

/** A message that fails breaks the transaction. */
class WatchedReceipt implements Receipt {
  readonly receipt: Receipt
  readonly #transactions: Transactions

  constructor(receipt: Receipt, transactions: Transactions) {
    this.receipt = receipt
    this.#transactions = transactions
  }

  delivered(at: number, delivery: Delivery): void {
    this.receipt.delivered(at, delivery)
  }

  failed(at: number, error: DeliveryError): void {
    this.#transactions.fail(error)
    this.receipt.failed(at, error)
  }
}

function tookTooLong(mostMs: number): TransactionError {
  const text =
    `The transaction was aborted, and nothing of it counts: its function took longer than ${Math.round(mostMs)} ms, ` +
    'nine tenths of transactionTimeoutMs. Do less in one, or raise that'
  return new TransactionError('TRANSACTION_ABORTED', text, { retriable: true })
}

function notSent(topic: string, cause: Error): DeliveryError {
  const text = `A message to ${topic} was not sent: its transaction is aborted: ${cause.message}`
  return new DeliveryError('TRANSACTION_ABORTED', text, 'no', { topic, cause })
}
