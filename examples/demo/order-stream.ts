import { type NativeClient, type RecordInput, writeBatch } from '../../src/index.ts'
import type { Order } from './order.ts'

const TICK_MS = 50
const CUSTOMERS = 500
const ITEMS = ['kettle', 'lamp', 'notebook', 'bicycle bell', 'umbrella', 'tea', 'flour', 'mill wheel']

/** Writes orders at a steady rate until it is stopped; those of a customer go to one partition, under one key. */
export class OrderStream {
  /** Acknowledged by Kafka. */
  produced = 0
  /** Why a write failed: its orders may be in Kafka or not. */
  error: Error | null = null
  readonly #client: NativeClient
  readonly #topic: string
  readonly #partitions: number
  readonly #rate: number
  readonly #stopped = new AbortController()
  readonly #startedAt = performance.now()
  #made = 0

  constructor(client: NativeClient, topic: string, partitions: number, rate: number) {
    this.#client = client
    this.#topic = topic
    this.#partitions = partitions
    this.#rate = rate
  }

  /** Resolves when it was stopped and the last write is answered. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#rate)
      // After a pause it does not write everything at once.
      this.#made = Math.max(this.#made, due - this.#rate)
      await this.#write(due - this.#made)
      await new Promise(resolve => setTimeout(resolve, TICK_MS))
    }
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #write(count: number): Promise<void> {
    const batches = new Map<number, RecordInput[]>()
    for (let i = 0; i < count; i++) {
      const { partition, record } = this.#order()
      batches.set(partition, [...(batches.get(partition) ?? []), record])
    }
    if (batches.size === 0) return
    try {
      const answers = await this.#client.produce(
        [...batches].map(([partition, records]) => ({ topic: this.#topic, partition, records: writeBatch(records) })),
      )
      for (const { partition, error } of answers) {
        if (error === null) this.produced += batches.get(partition)?.length ?? 0
        else this.error = error
      }
    } catch (error) {
      this.error = error as Error
    }
  }

  #order(): { partition: number; record: RecordInput } {
    const id = ++this.#made
    const number = Math.floor(Math.random() * CUSTOMERS)
    const quantity = 1 + Math.floor(Math.random() * 5)
    const order: Order = {
      id,
      customer: `customer-${number}`,
      item: ITEMS[id % ITEMS.length] ?? '',
      quantity,
      total: quantity * (199 + Math.floor(Math.random() * 5_000)),
    }
    return { partition: number % this.#partitions, record: { key: order.customer, value: JSON.stringify(order) } }
  }
}
