/**
 * Orders on an embedded broker: written at a steady rate, and handled by two shops of one consumer group, many at once with the orders of
 * one customer in turn, some of them failing at first. A third shop joins, and partitions move to it. Ctrl-C closes the shops, and
 * shows that every order was handled once.
 *
 *     npm run demo -- [--rate ORDERS_PER_SECOND] [--join N] [--seconds N]
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Broker } from '../src/broker/index.ts'
import { NativeClient } from '../src/index.ts'
import { onKeys } from './demo/keys.ts'
import { Ledger } from './demo/ledger.ts'
import { type DemoOptions, HELP, readOptions } from './demo/options.ts'
import { OrderStream } from './demo/order-stream.ts'
import { Proof } from './demo/proof.ts'
import { type Place, quiet } from './demo/shop.ts'
import { Team } from './demo/team.ts'
import { View } from './demo/view.ts'

const TOPIC = 'orders'
const GROUP = 'shops'
const PARTITIONS = 6
/** From the start; one more joins later. */
const SHOPS = 2
/** After Ctrl-C orders are handled until there are none, or until none was for so long. */
const STUCK_MS = 10_000

class Demo {
  readonly #place: Place
  readonly #client: NativeClient
  readonly #stream: OrderStream
  readonly #ledger = new Ledger(PARTITIONS)
  readonly #team: Team
  readonly #ending = new AbortController()
  readonly #hurry = new AbortController()

  constructor(brokers: readonly string[], rate: number) {
    this.#place = { brokers, group: GROUP, topic: TOPIC, partitions: PARTITIONS }
    this.#client = new NativeClient({ brokers, clientId: 'till', logger: quiet })
    this.#stream = new OrderStream(this.#client, TOPIC, PARTITIONS, rate)
    // An order takes 12 ms; one that waits for its next attempt takes no place.
    this.#team = new Team(this.#ledger, this.#place, Math.max(32, Math.ceil(rate / 40)))
  }

  /** Answers whether nothing was lost, nor left without being told to. */
  async run(seconds: number | null, join: number): Promise<boolean> {
    const stopSignals = this.#onSignals()
    const view = new View(this.#place, this.#stream, this.#team)
    const timer = seconds === null ? undefined : setTimeout(() => this.#ending.abort(), seconds * 1000)
    const joining = setTimeout(() => this.#team.add(), join * 1000)
    try {
      for (let count = 0; count < SHOPS; count++) this.#team.add()
      const consuming = this.#team.ended
      const producing = this.#stream.run()
      await Promise.race([consuming, aborted(this.#ending.signal)])
      clearTimeout(joining)
      view.phase = 'closed; handling what is left'
      this.#stream.stop()
      await producing
      await Promise.race([consuming, this.#catchUp()])
      view.phase = 'closed; draining and committing'
      await this.#team.close()
      await consuming
      view.phase = 'closed'
    } finally {
      clearTimeout(timer)
      clearTimeout(joining)
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
    const stopKeys = onKeys({ '+': () => this.#team.add(), '-': () => this.#team.remove(), '\x03': listener })
    return () => {
      stopKeys()
      process.off('SIGINT', listener).off('SIGTERM', listener)
    }
  }

  async close(): Promise<void> {
    this.#stream.stop()
    await this.#team.close()
    await this.#client.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Answers whether nothing was lost. */
async function run({ rate, seconds, join }: DemoOptions): Promise<boolean> {
  await using broker = await Broker.start({ topics: { [TOPIC]: PARTITIONS }, autoCreateTopics: false })
  const demo = new Demo(broker.brokers, rate)
  try {
    return await demo.run(seconds, join)
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
