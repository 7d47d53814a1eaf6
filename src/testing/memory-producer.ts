import type { OutputTransaction } from '../consumer/transaction-round.ts'
import type { OutputProducer } from '../consumer/transactions.ts'
import type { OffsetStorage } from '../offsets/storage.ts'
import type { ProducerMessage } from '../producer/message.ts'
import type { ProducerOptions } from '../producer/options.ts'
import { Producer, type ProducerEnvironment } from '../producer/producer.ts'
import type { TransactionOffset } from '../producer/transaction-calls.ts'

/** Transactions in memory, none of which fails: what was sent is written when one ends, and then the offsets. */
export class MemoryProducer implements OutputProducer {
  readonly #producer: Producer
  readonly #offsets: OffsetStorage

  constructor(options: ProducerOptions, environment: ProducerEnvironment, offsets: OffsetStorage) {
    this.#producer = new Producer({ ...options, idempotent: false }, environment)
    this.#offsets = offsets
  }

  async transaction(write: (tx: OutputTransaction) => Promise<void>): Promise<void> {
    const messages: ProducerMessage[] = []
    const offsets: TransactionOffset[] = []
    await write({
      signal: new AbortController().signal,
      sendBatch: async list => void messages.push(...list),
      sendOffsets: async list => void offsets.push(...list),
    })
    await this.#producer.sendBatch(messages)
    await this.#offsets.commit(offsets.map(offset => ({ leaderEpoch: -1, metadata: '', ...offset })))
  }

  close(options: { drainMs: number }): Promise<void> {
    return this.#producer.close(options)
  }
}
