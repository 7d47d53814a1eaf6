import { setTimeout as delay } from 'node:timers/promises'
import { Consumer, exponential, type HandlerContext, json, type Message, string } from '../../src/index.ts'
import type { Ledger } from './ledger.ts'
import { type Order, orderSchema } from './order.ts'

const TRIED = { attempts: 5, backoff: exponential(200, 2_000) }

/** Says nothing: what it would say is on the screen. */
export const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface Place {
  readonly brokers: readonly string[]
  readonly group: string
  readonly topic: string
  readonly partitions: number
}

/** A member of the group: handles orders, those of one customer in turn. Some fail at first. */
export class Shop {
  readonly name: string
  readonly consumer: Consumer
  handled = 0
  leaving = false
  readonly #ledger: Ledger

  constructor(name: string, ledger: Ledger, { brokers, group, topic }: Place, concurrency: number) {
    this.name = name
    this.#ledger = ledger
    this.consumer = new Consumer({
      brokers,
      group,
      clientId: name,
      logger: quiet,
      work: { concurrency, ...TRIED },
    }).topic(topic, { key: string, value: json(orderSchema) }, (order, context) => this.#handle(order, context))
  }

  async #handle(order: Message<string | null, Order>, { attempt, signal }: HandlerContext): Promise<void> {
    const { id } = order.value
    await delay(2 + (id % 20), undefined, { signal })
    // One in 50 fails once, one in 500 three times.
    const failures = id % 500 === 0 ? 3 : id % 50 === 0 ? 1 : 0
    if (attempt <= failures) {
      const failure = `order ${id}, attempt ${attempt}: the payment service answered 503`
      this.#ledger.failed(failure)
      throw new Error(failure)
    }
    this.#ledger.enter(order)
    this.handled++
  }
}
