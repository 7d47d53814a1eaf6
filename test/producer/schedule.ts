import { setTimeout as delay } from 'node:timers/promises'
import { exponential } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type Fault } from '../../src/broker/index.ts'
import { within } from '../../src/client/deadline.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import { Consumer } from '../../src/consumer/consumer.ts'
import type { ProducerOptions } from '../../src/producer/options.ts'
import { Producer } from '../../src/producer/producer.ts'
import { until } from '../until.ts'
import { inLanes } from './lanes.ts'
import { LogReader } from './log-reader.ts'
import { trouble } from './trouble.ts'
import { judge, type ScheduleReport, type Sent, type Writer } from './verdict.ts'

const topic = 'orders'
const partitions = 3
const nodes = 3
const silent = new StderrLogger('silent', systemClock)
/** From the end of a message's time to what is told of it, on a machine that is busy. */
const slackMs = 10_000
const patientMs = 20_000

/** The stories of all these seeds, together. `limitMs`: after which a promise counts as left hanging. */
export async function runSchedules(
  seed: number,
  stories: number,
  limitMs = patientMs + slackMs,
): Promise<ScheduleReport> {
  const total: ScheduleReport = { sent: 0, delivered: 0, refused: 0, unsure: 0 }
  await inLanes(seed, stories, async (each, host) => {
    const report = await new Story(each, limitMs).tell(host)
    for (const what of Object.keys(total) as (keyof ScheduleReport)[]) total[what] += report[what]
  })
  return total
}

interface LiveWriter extends Writer {
  readonly producer: Producer
}

/**
 * One random story: producers send messages in bursts while answers are errors, late, cut short or lost, before the broker applied a request
 * or after, leaders move and nodes stop. Then what each promise said is held against the logs.
 */
class Story {
  readonly #random: Random
  readonly #writers: LiveWriter[] = []
  readonly #sent: Promise<Sent>[] = []
  #stopped = 0
  readonly #limitMs: number

  constructor(seed: number, limitMs: number) {
    this.#random = seededRandom(seed)
    this.#limitMs = limitMs
  }

  async tell(host: string): Promise<ScheduleReport> {
    await using broker = await Broker.start({ host, nodes, topics: { [topic]: partitions } })
    await using reader = this.#chance(0.08) ? new SharedReader(broker.brokers) : null
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await Promise.all(this.#writers.map(({ producer }) => producer.close({ drainMs: 0 })))
    })
    this.#begin(broker.brokers, reader?.client)
    if (this.#chance(0.25)) this.#begin(broker.brokers, undefined)
    // In most stories trouble begins when all are connected.
    if (this.#chance(0.8)) {
      for (const writer of this.#writers) this.#send(writer)
      await this.#inTime(Promise.race(this.#sent), 'a promise is left hanging')
    }
    for (let burst = 0; burst < 6; burst++) {
      using fault = broker.fault(trouble(this.#random))
      using _ = this.#chance(0.3) ? broker.fault(trouble(this.#random)) : null
      for (const writer of this.#writers) for (let n = 1 + this.#upTo(12); n > 0; n--) this.#send(writer)
      await this.#disturb(broker, fault)
    }
    if (this.#stopped > 0) await broker.startNode(this.#stopped)
    await this.#end()
    const sent = await this.#told()
    await using logs = new LogReader(broker)
    const found: string[][] = []
    for (let partition = 0; partition < partitions; partition++) {
      found.push(await logs.values(topic, partition, 'read_uncommitted'))
    }
    await reader?.hasRead(found.flat())
    return judge(this.#writers, sent, found)
  }

  #begin(brokers: readonly string[], client: NativeClient | undefined): void {
    const random = this.#random
    const acks = this.#chance(0.75) ? 'all' : this.#one([1, 0] as const)
    const idempotent = acks === 'all' && this.#chance(0.9)
    const patient = this.#chance(0.5) && idempotent
    const maxInFlight = 1 + this.#upTo(4)
    const options = {
      brokers,
      acks,
      idempotent,
      logger: silent,
      requestTimeoutMs: 80 + this.#upTo(150),
      deliveryTimeoutMs: patient ? patientMs : 300 + this.#upTo(400),
      batchBytes: 100 + this.#upTo(400),
      batchMessages: this.#chance(0.9) ? 1_000 : 1 + this.#upTo(3),
      bufferBytes: this.#chance(0.8) ? 1 << 20 : 1_000,
      lingerMs: this.#chance(0.7) ? 0 : this.#upTo(5),
      maxInFlight,
      compression: this.#chance(0.8) ? 'none' : 'gzip',
      reconnect: { minMs: 1, maxMs: 10 },
      ...(client === undefined ? {} : { client }),
    } as const satisfies ProducerOptions<string, string>
    const producer = new Producer(options, { random, backoff: exponential(1, 10) })
    const name = String(this.#writers.length)
    this.#writers.push({ name, acks, idempotent, maxInFlight, patient, producer, next: 0 })
  }

  #send(writer: LiveWriter, last = false): void {
    const { producer, name } = writer
    const number = writer.next++
    const partition = this.#chance(0.9) ? number % partitions : undefined
    const value = `${name}:${number}`
    const about = { writer, number, value, last }
    this.#sent.push(
      producer.send({ topic, value, partition }).then(
        told => ({ ...about, told }),
        told => ({ ...about, told }),
      ),
    )
  }

  async #disturb(broker: Broker, fault: Fault): Promise<void> {
    if (this.#chance(0.2)) await broker.moveLeader(topic, this.#upTo(partitions - 1))
    if (this.#chance(0.1) && this.#stopped === 0) {
      this.#stopped = 1 + this.#upTo(nodes - 1)
      await broker.stopNode(this.#stopped)
    }
    // Until the fault befell something, unless there is nothing left that it could befall.
    const hit = fault.hit().catch(() => {})
    await Promise.race([hit, Promise.all(this.#sent), delay(100)])
    await delay(this.#upTo(10))
    if (this.#stopped > 0 && this.#chance(0.5)) {
      await broker.startNode(this.#stopped)
      this.#stopped = 0
    }
  }

  /** In the end nothing is in the way: then who is patient is heard; others may close at once. */
  async #end(): Promise<void> {
    const closing = this.#writers.map(async writer => {
      const { producer, patient } = writer
      if (patient) for (let n = 0; n < partitions; n++) this.#send(writer, true)
      if (patient || this.#chance(0.7)) await producer.flush()
      await producer.close({ drainMs: this.#upTo(20) })
      await producer.close()
      this.#send(writer)
    })
    await this.#inTime(Promise.all(closing), 'a producer does not come to its end')
  }

  /** What became of all messages. */
  async #told(): Promise<readonly Sent[]> {
    return await this.#inTime(Promise.all(this.#sent), 'a promise is left hanging')
  }

  #inTime<T>(promise: Promise<T>, late: string): Promise<T> {
    return within(systemClock, this.#limitMs, promise, () => new Error(late))
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#upTo(items.length - 1)] as T
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1))
  }
}

/** A consumer that has its client in common with a producer. */
class SharedReader implements AsyncDisposable {
  readonly client: NativeClient
  readonly #consumer: Consumer
  readonly #running: Promise<void>
  readonly #seen = new Set<string>()

  constructor(brokers: readonly string[]) {
    const trouble = { minMs: 1, maxMs: 10 }
    this.client = new NativeClient({ brokers, logger: silent, requestTimeoutMs: 500, reconnect: trouble })
    this.#consumer = new Consumer({ brokers, client: this.client, logger: silent }).topic(topic, ({ value }) => {
      this.#seen.add(String(value))
    })
    this.#running = this.#consumer.run()
  }

  async hasRead(values: readonly string[]): Promise<void> {
    await until('all is read by who shares the client', () => values.every(value => this.#seen.has(value)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.close()
    await this.#running
    await this.client.close()
  }
}
