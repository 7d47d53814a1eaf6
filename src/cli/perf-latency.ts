import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import { onSignals } from '../base/signals.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import { Consumer } from '../consumer/consumer.ts'
import { Producer } from '../producer/producer.ts'
import type { Message } from '../records/message.ts'
import { CommandLogger } from './command-logger.ts'
import { logLevel, readerOptions } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import { FetchTimes } from './fetch-times.ts'
import { latencyFigures } from './figures.ts'
import { HOP_BYTES, HopMessages } from './hop-message.ts'
import { type HopTopicsOptions, hopTopics, withHopTopics } from './hop-topics.ts'
import { Latencies, type LatencySummary } from './latencies.ts'
import { Meter } from './meter.ts'
import { writeText } from './output.ts'
import { Pace } from './pace.ts'
import { type ProducerFlags, writerOptions } from './producer-settings.ts'
import { table } from './table.ts'

export interface PerfLatencyOptions extends ProducerFlags, HopTopicsOptions {
  /** Messages per second. */
  readonly rate: number
  readonly messages: number
  /** So many before these are not counted. */
  readonly warmup: number
  readonly hops: number
  /** Bytes of a value. */
  readonly size: number
  readonly json?: boolean
}

const LOOK_MS = 20
const EVERY_MS = 1_000
/** When nothing more comes for so long, nothing more will. */
const QUIET_MS = 10_000
const DUE_AT_ONCE = 1_000

/** `millrace perf latency`: how long messages take to be acknowledged, fetched and handled, through one topic after another. */
export async function perfLatency(topic: string, options: PerfLatencyOptions): Promise<void> {
  if (options.size < HOP_BYTES) {
    throw new CommandError(
      exitCodes.usage,
      'USAGE',
      `--size must be at least ${HOP_BYTES}: a message has its times in it`,
    )
  }
  await withHopTopics(hopTopics(topic, options.hops), options, topics => new LatencyRun(topics, options).run())
}

/** What is measured of one hop, all from when a message was due there. */
class Hop {
  readonly topic: string
  readonly acknowledged = new Latencies()
  readonly fetched = new Latencies()
  readonly handled = new Latencies()

  constructor(topic: string) {
    this.topic = topic
  }
}

class LatencyRun {
  readonly #options: PerfLatencyOptions
  readonly #hops: readonly Hop[]
  readonly #total = new Latencies()
  readonly #meter = new Meter()
  readonly #messages: HopMessages
  readonly #producer: Producer
  readonly #consumer: Consumer
  readonly #partitions: number
  readonly #fetched = new FetchTimes()
  readonly #stop = new AbortController()
  /** All came, or it was stopped. */
  readonly #ended = Promise.withResolvers<void>()
  #arrived = 0
  #error: Error | null = null
  #interrupted = false

  constructor(topics: readonly TopicMetadata[], options: PerfLatencyOptions) {
    this.#options = options
    this.#hops = topics.map(({ topic }) => new Hop(topic))
    this.#messages = new HopMessages(options.size)
    this.#producer = new Producer(writerOptions(options))
    this.#consumer = new Consumer({
      ...readerOptions(options.settings),
      logger: new CommandLogger(logLevel(options)),
      offsets: { start: 'latest' },
      // In the order in which they were fetched, and none waits for another.
      work: { order: 'none', concurrency: 1_000 },
    })
    this.#partitions = topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
    for (const [at, { topic, partitions }] of topics.entries()) {
      this.#consumer.topic({ topic, partitions: [...partitions.keys()] }, message => this.#handle(at, message))
    }
  }

  async run(): Promise<void> {
    const stopSignals = onSignals(
      () => this.#interrupt(),
      () => void this.#producer.close({ drainMs: 0 }),
    )
    const running = this.#consumer.run().catch(thrown => this.#fail(toError(thrown)))
    const progress = setInterval(() => this.#progress(), EVERY_MS)
    try {
      await this.#begin()
      await this.#produce()
      await this.#arrive()
      // The last ones may have been handled before their acknowledgements came.
      if (!this.#stop.signal.aborted) await this.#producer.flush()
    } finally {
      this.#meter.stop()
      clearInterval(progress)
      await Promise.all([this.#consumer.close({ drainMs: 0 }), this.#producer.close({ drainMs: 0 })])
      await running
      stopSignals()
      this.#fetched[Symbol.dispose]()
    }
    if (this.#error !== null) throw this.#error
    await writeText(this.#options.json ? `${JSON.stringify(this.#figures())}\n` : this.#table())
    if (this.#interrupted) {
      const text = 'Interrupted: the figures are of what came until then'
      throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', text)
    }
  }

  /** Until the consumer knows where the partitions end: what is written from then on comes. */
  async #begin(): Promise<void> {
    const ready = () => {
      const { partitions } = this.#consumer.state()
      return partitions.length === this.#partitions && partitions.every(({ position }) => position >= 0)
    }
    while (!this.#stop.signal.aborted && !ready()) await delay(LOOK_MS)
  }

  /** A message is due at its time, whatever became of those before it: one that is sent late has waited. */
  async #produce(): Promise<void> {
    const { rate, warmup, messages } = this.#options
    const { signal } = this.#stop
    const pace = new Pace(rate, Number.POSITIVE_INFINITY, systemClock)
    const startedAt = performance.now()
    this.#meter.start()
    for (let number = 0; number < warmup + messages && !signal.aborted; ) {
      const wanted = Math.min(DUE_AT_ONCE, warmup + messages - number)
      const end = number + (await pace.take(wanted, signal).catch(() => 0))
      for (; number < end; number++) {
        const due = startedAt + (number * 1_000) / rate
        this.#send(0, number, due, due)
      }
    }
  }

  #send(hop: number, number: number, began: number, produced: number): void {
    const { topic, acknowledged } = this.#hops[hop] as Hop
    this.#producer.send({ topic, value: this.#messages.write({ number, began, produced }) }).then(
      () => {
        if (number >= this.#options.warmup) acknowledged.record(performance.now() - produced)
      },
      (error: Error) => this.#fail(error),
    )
  }

  #handle(at: number, { topic, partition, offset, value }: Message): void {
    const now = performance.now()
    const message = this.#messages.read(value)
    if (message === null) return
    const { number, began, produced } = message
    const fetchedAt = this.#fetched.of(topic, partition, offset)
    const counts = number >= this.#options.warmup
    if (counts) {
      const { fetched, handled } = this.#hops[at] as Hop
      fetched.record(fetchedAt - produced)
      handled.record(now - produced)
    }
    if (at < this.#hops.length - 1) this.#send(at + 1, number, began, now)
    else this.#came(counts ? now - began : null)
  }

  #came(ms: number | null): void {
    this.#arrived++
    this.#meter.add(this.#options.size)
    if (ms !== null) this.#total.record(ms)
    if (this.#arrived === this.#options.warmup + this.#options.messages) this.#ended.resolve()
  }

  /** Until the last one came. */
  async #arrive(): Promise<void> {
    let before = -1
    let quietSince = performance.now()
    const watch = setInterval(() => {
      if (this.#arrived !== before) quietSince = performance.now()
      before = this.#arrived
      if (performance.now() - quietSince < QUIET_MS) return
      const { warmup, messages } = this.#options
      const text = `${this.#arrived} of ${warmup + messages} messages came, and nothing more for ${QUIET_MS / 1_000} s`
      this.#fail(new CommandError(exitCodes.failure, 'MISSING', text))
    }, EVERY_MS)
    await this.#ended.promise
    clearInterval(watch)
  }

  #interrupt(): void {
    this.#interrupted = true
    this.#stop.abort()
    this.#ended.resolve()
  }

  #fail(error: Error): void {
    // What is closed rejects what it still had.
    if (!this.#interrupted) this.#error ??= error
    this.#stop.abort()
    this.#ended.resolve()
  }

  #progress(): void {
    const { p50, p99 } = this.#total.summary()
    const { warmup, messages } = this.#options
    const counted = `${this.#arrived} of ${warmup + messages} messages`
    process.stderr.write(`${counted}, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms\n`)
  }

  #figures() {
    const { cpuMicrosPerMessage, timerLateP99Ms, seconds } = this.#meter.summary()
    return {
      messages: Math.max(0, this.#arrived - this.#options.warmup),
      seconds,
      cpuMicrosPerMessage,
      timerLateP99Ms,
      hops: this.#hops.map(({ topic, acknowledged, fetched, handled }) => ({
        topic,
        acknowledgedMs: acknowledged.summary(),
        fetchedMs: fetched.summary(),
        handledMs: handled.summary(),
      })),
      totalMs: this.#total.summary(),
    }
  }

  #table(): string {
    const { hops, totalMs, messages, timerLateP99Ms, cpuMicrosPerMessage } = this.#figures()
    const row = (names: [string, string], figures: readonly string[]) => [
      ...names,
      ...figures.map(figure => figure.padStart(8)),
    ]
    const steps = (figures: LatencySummary, ...names: [string, string]) => row(names, latencyFigures(figures))
    const rows = [
      row(['TOPIC', 'MS UNTIL'], ['P50', 'P95', 'P99', 'P99.9', 'MAX']),
      ...hops.flatMap(({ topic, acknowledgedMs, fetchedMs, handledMs }) => [
        steps(acknowledgedMs, topic, 'acknowledged'),
        steps(fetchedMs, '', 'fetched'),
        steps(handledMs, '', 'handled'),
      ]),
      ...(hops.length > 1 ? [steps(totalMs, 'all', 'handled')] : []),
    ]
    const rest = `${messages} messages, ${cpuMicrosPerMessage.toFixed(1)} µs CPU each, 10 ms timer late, p99: ${timerLateP99Ms.toFixed(1)} ms`
    return `${table(rows)}\n${rest}\n`
  }
}
