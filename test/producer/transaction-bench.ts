import assert from 'node:assert/strict'
import { type Backoff, exponential } from '../../src/base/backoff.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import type { ProducerOptions } from '../../src/producer/options.ts'
import { Producer } from '../../src/producer/producer.ts'
import { TransactionError } from '../../src/producer/transaction-error.ts'
import type { Bytes } from '../../src/records/batch-builder.ts'
import { LogReader } from './log-reader.ts'

export const topic = 'orders'
export const silent = new StderrLogger('silent', systemClock)

/** A broker, and producers that are quick to notice things. */
export class Bench implements AsyncDisposable {
  readonly broker: Broker
  /** Deadlines pass when a test says so; what is waited for takes its time all the same. */
  readonly #clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + this.#passed,
    after: (ms, fn) => systemClock.after(ms === functionMs ? this.functionMs : ms, fn),
  }
  #passed = 0
  /** How long the function of a transaction may take. */
  functionMs = functionMs
  readonly #reader: LogReader
  readonly #producers: Producer[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    this.#reader = new LogReader({ brokers: broker.brokers })
  }

  static async start(transactionVersion: 1 | 2, nodes = 1): Promise<Bench> {
    return new Bench(await Broker.start({ nodes, topics: { [topic]: 2 }, transactionVersion }))
  }

  pass(ms: number): void {
    this.#passed += ms
  }

  producer(options: Partial<ProducerOptions<Bytes, Bytes>> = {}, backoff: Backoff = exponential(1, 10)): Producer {
    const quick = { requestTimeoutMs: 200, deliveryTimeoutMs: 20_000, reconnect: { minMs: 1, maxMs: 5 } }
    const producer = new Producer(
      { brokers: this.broker.brokers, transactionalId: 'x', logger: silent, ...quick, ...options },
      { backoff, clock: this.#clock },
    )
    this.#producers.push(producer)
    return producer
  }

  /** What readers of committed messages see, of both partitions. */
  async committed(): Promise<string[]> {
    return [...(await this.#reader.values(topic, 0)), ...(await this.#reader.values(topic, 1))]
  }

  async offset(group = 'g'): Promise<number | undefined> {
    return (await this.broker.committed(group))[0]?.offset
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#producers.map(producer => producer.close({ drainMs: 0 })))
    await this.#reader.close()
    await this.broker.close()
  }
}

export function write(producer: Producer, ...values: string[]): Promise<unknown> {
  return producer.transaction(tx => Promise.all(values.map((value, at) => tx.send(to(value, at % 2)))))
}

export function to(value: string, partition = 0) {
  return { topic, partition, value }
}

/** That the transaction rejects with this code; answers the error. */
export async function rejected(transaction: Promise<unknown>, code: string): Promise<TransactionError> {
  const error = await transaction.then(
    () => assert.fail(`it was committed, not ${code}`),
    thrown => thrown,
  )
  assert.ok(error instanceof TransactionError, String(error?.stack ?? error))
  assert.equal(error.code, code, error.message)
  return error
}

/** Nine tenths of the default. */
export const functionMs = 54_000
export const offsets = [{ topic, partition: 0, offset: 7 }]
