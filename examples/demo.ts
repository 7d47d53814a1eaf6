/**
 * A shop's orders: written at a steady rate, handled many at once with the orders of one customer in turn, some of them failing at
 * first. Ctrl-C stops the shop, and shows that every order was handled.
 *
 *     npm run demo -- [--rate ORDERS_PER_SECOND] [--seconds N]
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Consumer, exponential, type HandlerContext, json, type Message, NativeClient, string } from '../src/index.ts'
import type { Cluster } from '../test/cluster.ts'
import { startCluster } from './demo/kafka.ts'
import { Ledger } from './demo/ledger.ts'
import { type Order, orderSchema } from './demo/order.ts'
import { OrderStream } from './demo/order-stream.ts'
import { Screen } from './demo/screen.ts'

const TOPIC = 'orders'
const GROUP = 'shop'
const PARTITIONS = 4
const CONCURRENCY = 32
/** How long what is left may take to be handled after Ctrl-C. */
const CATCH_UP_MS = 10_000

class Demo {
  readonly #cluster: Cluster
  readonly #client: NativeClient
  readonly #stream: OrderStream
  readonly #consumer: Consumer
  readonly #ledger = new Ledger(PARTITIONS)
  readonly #screen = new Screen()
  readonly #startedAt = performance.now()
  readonly #ending = new AbortController()
  readonly #hurry = new AbortController()
  #phase = 'running; Ctrl-C ends it'
  #lastFailure = 'none yet'
  #before = { at: performance.now(), produced: 0, handled: 0 }

  constructor(cluster: Cluster, rate: number) {
    this.#cluster = cluster
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    this.#client = new NativeClient({ brokers: cluster.brokers, clientId: 'till', logger: quiet })
    this.#stream = new OrderStream(this.#client, TOPIC, PARTITIONS, rate)
    this.#consumer = new Consumer({
      brokers: cluster.brokers,
      group: GROUP,
      logger: quiet,
      work: { concurrency: CONCURRENCY, attempts: 5, backoff: exponential(200, 2_000) },
    }).topic(
      { topic: TOPIC, partitions: [...Array(PARTITIONS).keys()] },
      { key: string, value: json(orderSchema) },
      (order, context) => this.#handle(order, context),
    )
  }

  /** Answers whether nothing was lost. */
  async run(seconds: number | undefined): Promise<boolean> {
    const stopSignals = this.#onSignals()
    const redraw = setInterval(() => this.#draw(), this.#screen.inPlace ? 250 : 1_000)
    const timer = seconds === undefined ? undefined : setTimeout(() => this.#ending.abort(), seconds * 1000)
    try {
      const consuming = this.#consumer.run()
      const producing = this.#stream.run()
      await Promise.race([consuming, aborted(this.#ending.signal)])
      this.#phase = 'no more orders; handling what is left'
      this.#stream.stop()
      await producing
      await this.#catchUp()
      this.#phase = 'draining and committing'
      this.#draw()
      await this.#consumer.close()
      await consuming
    } finally {
      clearInterval(redraw)
      clearTimeout(timer)
      stopSignals()
    }
    return this.#prove()
  }

  async #handle(order: Message<string | null, Order>, { attempt, signal }: HandlerContext): Promise<void> {
    await delay(2 + (order.value.id % 20), undefined, { signal })
    // One in 50 fails once, one in 500 three times.
    const failures = order.value.id % 500 === 0 ? 3 : order.value.id % 50 === 0 ? 1 : 0
    if (attempt <= failures) {
      this.#lastFailure = `${order.topic}[${order.partition}] offset ${order.offset}, attempt ${attempt}: the payment service answered 503`
      throw new Error(this.#lastFailure)
    }
    this.#ledger.enter(order)
  }

  async #catchUp(): Promise<void> {
    const deadline = performance.now() + CATCH_UP_MS
    const behind = () => this.#ledger.handled < this.#stream.produced
    while (behind() && performance.now() < deadline && !this.#hurry.signal.aborted) await delay(50)
  }

  #onSignals(): () => void {
    const steps = [() => this.#ending.abort(), () => this.#hurry.abort(), () => process.exit(130)]
    const listener = () => steps.shift()?.()
    process.on('SIGINT', listener).on('SIGTERM', listener)
    return () => process.off('SIGINT', listener).off('SIGTERM', listener)
  }

  #draw(): void {
    const { reservoir, inFlight, work, partitions } = this.#consumer.state()
    const { produced, error } = this.#stream
    const { handled } = this.#ledger
    const now = performance.now()
    const rate = (count: number, before: number) => Math.round(((count - before) * 1000) / (now - this.#before.at))
    const rates = [rate(produced, this.#before.produced), rate(handled, this.#before.handled)]
    this.#before = { at: now, produced, handled }
    const seconds = Math.round((now - this.#startedAt) / 1000)
    const lag = partitions.map(partition => partition.lag ?? 0)
    const ready = partitions.reduce((sum, partition) => sum + partition.reservoir.messages, 0)
    const kilobytes = (reservoir.bytes / 1024).toFixed(0)
    this.#screen.update(
      [
        `Millrace · Kafka ${this.#cluster.version} at ${this.#cluster.brokers.join()} · ${seconds} s · ${this.#phase}`,
        '',
        `  produced    ${produced} orders, ${rates[0]}/s${error === null ? '' : `; ${error.message}`}`,
        `  handled     ${handled}, ${rates[1]}/s`,
        `  reservoir   ${ready} ready, ${kilobytes} kB in memory of ${reservoir.limit / 1024 / 1024} MB`,
        `  in flight   ${inFlight} of ${CONCURRENCY}`,
        `  failures    ${work.retried} attempts failed and were tried again`,
        `              last: ${this.#lastFailure}`,
        '',
        ...partitions.map(({ partition, committed, highWatermark }, at) => {
          const text = `committed ${Math.max(0, committed)} of ${Math.max(0, highWatermark)}`
          return `  ${TOPIC}[${partition}]   ${text.padEnd(30)} lag ${lag[at]}`
        }),
      ],
      `${seconds} s: produced ${produced} (${rates[0]}/s), handled ${handled} (${rates[1]}/s), reservoir ${ready} (${kilobytes} kB), ` +
        `in flight ${inFlight}, lag ${lag.join(' ')}, failed attempts ${work.retried}; ${this.#phase}`,
    )
  }

  /** What Kafka itself says was committed, against what was handled. */
  async #prove(): Promise<boolean> {
    const committed = Array<number>(PARTITIONS).fill(0)
    for (const { partition, offset } of await this.#cluster.committed(GROUP)) committed[partition] = offset
    const { produced } = this.#stream
    const { handled } = this.#ledger
    const done = committed.reduce((sum, offset) => sum + offset, 0)
    const lost = this.#ledger.lost(committed)
    console.log(`
  produced        ${produced}
  handled         ${handled}
  committed       ${done}, says Kafka
  left in Kafka   ${Math.max(0, produced - done)} for the next run
  handled twice   ${this.#ledger.twice()}
  out of order    ${this.#ledger.outOfOrder}, within their customer
  lost            ${lost}
`)
    return lost === 0
  }

  async close(): Promise<void> {
    this.#stream.stop()
    await this.#consumer.close()
    await this.#client.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && value < 1e6) return value
  throw new Error(`--${name} takes a number above 0, not "${text}".`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rate: { type: 'string', default: '500' }, seconds: { type: 'string' } },
  })
  const rate = positive('rate', values.rate)
  const seconds = values.seconds === undefined ? undefined : positive('seconds', values.seconds)
  const cluster = await startCluster({ topics: { [TOPIC]: { partitions: PARTITIONS } } })
  try {
    const demo = new Demo(cluster, rate)
    try {
      if (!(await demo.run(seconds))) process.exitCode = 1
    } finally {
      await demo.close()
    }
  } finally {
    await cluster.close()
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
