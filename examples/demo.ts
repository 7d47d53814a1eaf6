/**
 * A shop's orders on an embedded broker: written at a steady rate, handled many at once with the orders of one customer in turn, some
 * of them failing at first. Ctrl-C closes the shop, and shows that every order was handled.
 *
 *     npm run demo -- [--rate ORDERS_PER_SECOND] [--seconds N]
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Broker } from '../src/broker/index.ts'
import { NativeClient } from '../src/index.ts'
import { Ledger } from './demo/ledger.ts'
import { type DemoOptions, HELP, readOptions } from './demo/options.ts'
import { OrderStream } from './demo/order-stream.ts'
import { Proof } from './demo/proof.ts'
import { type Place, quiet, Shop } from './demo/shop.ts'
import { View } from './demo/view.ts'

const TOPIC = 'orders'
const GROUP = 'shop'
const PARTITIONS = 4
/** After Ctrl-C orders are handled until there are none, or until none was for so long. */
const STUCK_MS = 10_000

class Demo {
  readonly #place: Place
  readonly #client: NativeClient
  readonly #stream: OrderStream
  readonly #ledger = new Ledger(PARTITIONS)
  readonly #shop: Shop
  readonly #ending = new AbortController()
  readonly #hurry = new AbortController()

  constructor(brokers: readonly string[], rate: number) {
    this.#place = { brokers, group: GROUP, topic: TOPIC, partitions: PARTITIONS }
    this.#client = new NativeClient({ brokers, clientId: 'till', logger: quiet })
    this.#stream = new OrderStream(this.#client, TOPIC, PARTITIONS, rate)
    // An order takes 12 ms; one that waits for its next attempt takes no place.
    this.#shop = new Shop(this.#ledger, this.#place, Math.max(32, Math.ceil(rate / 40)))
  }

  /** Answers whether nothing was lost, nor left without being told to. */
  async run(seconds: number | null): Promise<boolean> {
    const stopSignals = this.#onSignals()
    const view = new View(this.#place.brokers, this.#stream, this.#shop)
    const timer = seconds === null ? undefined : setTimeout(() => this.#ending.abort(), seconds * 1000)
    try {
      const consuming = this.#shop.consumer.run()
      const producing = this.#stream.run()
      await Promise.race([consuming, aborted(this.#ending.signal)])
      view.phase = 'closed; handling what is left'
      this.#stream.stop()
      await producing
      await Promise.race([consuming, this.#catchUp()])
      view.phase = 'closed; draining and committing'
      await this.#shop.consumer.close()
      await consuming
      view.phase = 'closed'
    } finally {
      clearTimeout(timer)
      view.end()
      stopSignals()
    }
    const proof = await Proof.take(this.#ledger, this.#place, this.#stream.produced)
    process.stdout.write(String(proof))
    return proof.lost === 0 && (proof.left === 0 || this.#hurry.signal.aborted)
  }

  async #catchUp(): Promise<void> {
    let last = { handled: this.#ledger.handled, at: performance.now() }
    while (this.#ledger.handled < this.#stream.produced && !this.#hurry.signal.aborted) {
      await delay(20)
      const { handled } = this.#ledger
      if (handled > last.handled) last = { handled, at: performance.now() }
      if (performance.now() - last.at > STUCK_MS) return
    }
  }

  #onSignals(): () => void {
    const steps = [() => this.#ending.abort(), () => this.#hurry.abort(), () => process.exit(130)]
    const listener = () => steps.shift()?.()
    process.on('SIGINT', listener).on('SIGTERM', listener)
    return () => process.off('SIGINT', listener).off('SIGTERM', listener)
  }

  async close(): Promise<void> {
    this.#stream.stop()
    await this.#shop.consumer.close()
    await this.#client.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Answers whether nothing was lost. */
async function run({ rate, seconds }: DemoOptions): Promise<boolean> {
  await using broker = await Broker.start({ topics: { [TOPIC]: PARTITIONS }, autoCreateTopics: false })
  const demo = new Demo(broker.brokers, rate)
  try {
    return await demo.run(seconds)
  } finally {
    await demo.close()
  }
}

async function main(): Promise<number> {
  let options: DemoOptions | null
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\nAdd --help to see what is possible.`)
    return 2
  }
  if (options === null) {
    process.stdout.write(HELP)
    return 0
  }
  return (await run(options)) ? 0 : 1
}

// Nobody reads any more, so nothing can be proved.
process.stdout.on('error', () => process.exit(1))
process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  return 1
})
