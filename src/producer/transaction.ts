import { MillraceError } from '../base/errors.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { type Delivery, DeliveryError, type Receipt } from './delivery.ts'
import { type Accept, type Sends, sendMany, sendOne, type UncheckedMessage } from './message.ts'
import type { MessageSerdes, NoTopicSerdes, TopicSerdes } from './serdes.ts'
import type { TransactionGroup, TransactionOffset } from './transaction-calls.ts'
import { TransactionError, type Transactions } from './transactions.ts'

/**
 * What can be done in a transaction, until the function that it was given to has settled. `send` resolves when the message is in the log;
 * whether it counts, the end of the transaction says. One that fails makes all of it be aborted.
 */
export interface Transaction<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes> extends Sends<K, V, S> {
  /** Commits these offsets of a group if the transaction is committed, as that member of it (KIP-447). */
  sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void>
}

export class OpenTransaction<K, V, S extends TopicSerdes> implements Transaction<K, V, S> {
  readonly #transactions: Transactions
  readonly #accept: Accept
  #failed: DeliveryError | null = null
  #over = false

  constructor(transactions: Transactions, accept: Accept) {
    this.#transactions = transactions
    this.#accept = (message, serdes, receipt, at) => {
      if (this.#over) receipt.failed(at, outsideOfTransaction(String(message?.topic)))
      else accept(message, serdes, this.#watched(receipt), at)
    }
  }

  send(message: UncheckedMessage, serdes?: MessageSerdes<never, never>): Promise<Delivery> {
    const sent = sendOne(this.#accept, message, serdes)
    // Who does not wait for it is told by the end of the transaction.
    sent.catch(() => {})
    return sent
  }

  sendBatch(
    messages: readonly UncheckedMessage[],
    serdes?: MessageSerdes<never, never>,
  ): Promise<readonly (Delivery | DeliveryError)[]> {
    return sendMany(this.#accept, messages, serdes)
  }

  async sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void> {
    if (this.#over) throw new MillraceError('NO_TRANSACTION', 'The transaction is over')
    await this.#transactions.sendOffsets(offsets, group)
  }

  /** Takes nothing more. */
  end(): void {
    this.#over = true
  }

  /** @throws {TransactionError} when a message of it could not be written */
  check(): void {
    const error = this.#failed
    if (error !== null) throw abortedBecause(error)
  }

  #watched(receipt: Receipt): Receipt {
    return {
      delivered: (at, delivery) => receipt.delivered(at, delivery),
      failed: (at, error) => {
        this.#failed ??= error
        receipt.failed(at, error)
      },
    }
  }
}

export function abortedBecause(cause: Error): TransactionError {
  const text = `The transaction was aborted, and nothing of it counts: ${cause.message}`
  const retriable = cause instanceof MillraceError && cause.retriable
  return new TransactionError('TRANSACTION_ABORTED', text, { retriable, cause })
}

export function outsideOfTransaction(topic: string): DeliveryError {
  const text = `A message to ${topic} was sent outside of a transaction: with the option transactionalId all is sent in transaction()`
  return new DeliveryError('NO_TRANSACTION', text, 'no', { topic })
}
