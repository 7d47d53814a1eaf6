import { setImmediate } from 'node:timers/promises'
import { systemClock } from '../base/clock.ts'
import { onSignals } from '../base/signals.ts'
import { DeliveryError } from '../producer/delivery.ts'
import type { ProducerMessage } from '../producer/message.ts'
import { Producer } from '../producer/producer.ts'
import { CommandError, exitCodes } from './failure.ts'
import { latencyFigures, summaryRows } from './figures.ts'
import { Latencies } from './latencies.ts'
import { Meter } from './meter.ts'
import { Outbox, type Results } from './outbox.ts'
import { writeText } from './output.ts'
import { Pace } from './pace.ts'
import { type ProducerFlags, writerOptions } from './producer-settings.ts'
import { randomValues } from './random-values.ts'
import { table } from './table.ts'
import { checkTopics } from './topic-check.ts'

export interface PerfProduceOptions extends ProducerFlags {
  readonly messages?: number
  /** Milliseconds. */
  readonly seconds?: number
  /** Bytes of a value. */
  readonly size: number
  /** How many different keys; none without it. */
  readonly keys?: number
  /** Messages per second. */
  readonly rate?: number
  readonly json?: boolean
}

/** Sent at once, when there is no rate. */
const MOST_AT_ONCE = 100
/** Where nothing says how many or how long. */
const DEFAULT_MS = 10_000
/** As long as sockets and timers may wait. */
const TURN_MS = 2
const EVERY_MS = 1_000

interface List {
  readonly messages: readonly ProducerMessage[]
  readonly bytes: number
  /** The number of the first one. */
  readonly first: number
  readonly sentAt: number
}

/** `millrace perf produce`: how fast messages are written, and how long each takes. */
export async function perfProduce(topic: string, options: PerfProduceOptions): Promise<void> {
  const producer = new Producer(writerOptions(options))
  try {
    await checkTopics([topic], options)
    await new ProduceLoad(topic, options, producer).run()
  } finally {
    await producer.close({ drainMs: 0 })
  }
}

class ProduceLoad {
  readonly #topic: string
  readonly #options: PerfProduceOptions
  readonly #producer: Producer
  readonly #meter = new Meter()
  readonly #latencies = new Latencies()
  readonly #value: (number: number) => Buffer
  readonly #outbox: Outbox<List>
  readonly #stop = new AbortController()
  #startedAt = 0
  #sent = 0
  #failed = 0
  #error: DeliveryError | null = null
  #interrupted = false

  constructor(topic: string, options: PerfProduceOptions, producer: Producer) {
    this.#topic = topic
    this.#options = options
    this.#producer = producer
    this.#value = randomValues(options.size)
    this.#outbox = new Outbox(
      list => this.#send(list),
      async (_, results) => this.#settled(results),
    )
  }

  async run(): Promise<void> {
    const { messages, seconds = messages === undefined ? DEFAULT_MS : undefined, json } = this.#options
    const stopSignals = onSignals(
      () => this.#interrupt(),
      () => void this.#producer.close({ drainMs: 0 }),
    )
    const limit = seconds === undefined ? undefined : setTimeout(() => this.#stop.abort(), seconds)
    const progress = setInterval(() => this.#progress(), EVERY_MS)
    try {
      await this.#sendAll(messages ?? Number.POSITIVE_INFINITY)
      await this.#outbox.empty()
    } finally {
      stopSignals()
      clearTimeout(limit)
      clearInterval(progress)
      this.#meter.stop()
    }
    await writeText(json ? `${JSON.stringify(this.#figures())}\n` : this.#table())
    this.#check()
  }

  async #sendAll(most: number): Promise<void> {
    const { rate } = this.#options
    const { signal } = this.#stop
    const pace = rate === undefined ? null : new Pace(rate, Number.POSITIVE_INFINITY, systemClock)
    this.#meter.start()
    this.#startedAt = performance.now()
    for (let turn = this.#startedAt; this.#sent < most && !signal.aborted; ) {
      const wanted = Math.min(MOST_AT_ONCE, most - this.#sent)
      const list = this.#list(pace === null ? wanted : await pace.take(wanted, signal).catch(() => 0))
      await this.#outbox.room(list, signal)
      if (signal.aborted) return
      this.#sent += list.messages.length
      this.#outbox.put({ ...list, sentAt: performance.now() })
      if (performance.now() - turn > TURN_MS) {
        await setImmediate()
        turn = performance.now()
      }
    }
  }

  #list(count: number): List {
    const { size, keys } = this.#options
    const topic = this.#topic
    const first = this.#sent
    const messages = Array.from({ length: count }, (_, index) => ({
      topic,
      ...(keys !== undefined && { key: String((first + index) % keys) }),
      value: this.#value(first + index),
    }))
    return { messages, bytes: count * size, first, sentAt: 0 }
  }

  /** With a rate the time counts from when a message was due: a producer that is late makes those behind it late too. */
  async #send({ messages, first, sentAt }: List): Promise<Results> {
    const { rate } = this.#options
    const results = await this.#producer.sendBatch(messages)
    const now = performance.now()
    for (let index = 0; index < results.length; index++) {
      if (results[index] instanceof DeliveryError) continue
      const from = rate === undefined ? sentAt : this.#startedAt + ((first + index) * 1_000) / rate
      this.#latencies.record(now - from)
    }
    return results
  }

  #settled(results: Results): void {
    for (const result of results) {
      if (result instanceof DeliveryError) {
        this.#failed++
        this.#error ??= result
        this.#stop.abort()
      } else this.#meter.add(this.#options.size)
    }
  }

  #interrupt(): void {
    this.#interrupted = true
    this.#stop.abort()
  }

  #progress(): void {
    const { p50, p99 } = this.#latencies.summary()
    process.stderr.write(`${this.#meter.progress()}, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms\n`)
  }

  #figures(): object {
    return { ...this.#meter.summary(), failed: this.#failed, latencyMs: this.#latencies.summary() }
  }

  #table(): string {
    const names = ['p50', 'p95', 'p99', 'p99.9', 'max']
    const latencies = latencyFigures(this.#latencies.summary())
    const rows = names.map((name, at): [string, string] => [`latency ${name}, ms`, latencies[at] ?? ''])
    return table([...summaryRows(this.#meter.summary()), ...rows])
  }

  /** @throws {CommandError} */
  #check(): void {
    const error = this.#error
    if (error !== null) {
      const text = `${this.#failed} of ${this.#sent} messages were not written: ${error.message}`
      throw new CommandError(exitCodes.failure, 'NOT_WRITTEN', text, error)
    }
    if (!this.#interrupted) return
    const text = 'Interrupted: the figures are of what was written until then'
    throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', text)
  }
}
