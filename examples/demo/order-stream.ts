import { type NativeClient, type RecordInput, writeBatch } from '../../src/index.ts'
import type { Order } from './order.ts'

const TICK_MS = 50
const CUSTOMERS = 500
/** What it is and what it costs, in cents. */
const GOODS = [
  ['flour, 1 kg', 189],
  ['tea', 449],
  ['notebook', 590],
  ['bicycle bell', 1_290],
  ['umbrella', 1_995],
  ['kettle', 3_490],
  ['desk lamp', 5_900],
  ['mill wheel', 249_000],
] as const

/** Writes orders at a steady rate until it is stopped; those of a customer go to one partition, under one key. */
export class OrderStream {
  /** Acknowledged by the broker. */
  produced = 0
  /** Why a write failed: its orders may be in the topic or not. */
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
    let written = 0
    while (!this.#stopped.signal.aborted) {
      const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#rate)
      // After a pause it does not write everything at once.
      written = Math.max(written, due - this.#rate)
      await this.#write(due - written)
      written = due
      await new Promise(resolve => setTimeout(resolve, TICK_MS))
    }
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #write(count: number): Promise<void> {
    const batches = Array.from({ length: this.#partitions }, (): RecordInput[] => [])
    for (let i = 0; i < count; i++) {
      const { partition, record } = this.#order()
      batches[partition]?.push(record)
    }
    const writes = batches.flatMap((records, partition) =>
      records.length === 0 ? [] : [{ topic: this.#topic, partition, records: writeBatch(records) }],
    )
    if (writes.length === 0) return
    try {
      for (const { partition, error } of await this.#client.produce(writes)) {
        if (error === null) this.produced += batches[partition]?.length ?? 0
        else this.error = error
      }
    } catch (error) {
      this.error = error as Error
    }
  }

  #order(): { partition: number; record: RecordInput } {
    const customer = Math.floor(Math.random() * CUSTOMERS)
    const [item, price] = GOODS[Math.floor(Math.random() ** 2 * GOODS.length)] ?? GOODS[0]
    const quantity = 1 + Math.floor(Math.random() ** 3 * 6)
    const order: Order = { id: ++this.#made, customer: `customer-${customer}`, item, quantity, total: quantity * price }
    return { partition: customer % this.#partitions, record: { key: order.customer, value: JSON.stringify(order) } }
  }
}
