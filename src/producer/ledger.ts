import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import type { Histogram } from '../base/metrics.ts'
import type { Meters } from '../metrics/meters.ts'
import { Tally } from '../metrics/tally.ts'
import type { ProducerBatch } from './batch.ts'
import { metricDefinitions } from './metric-names.ts'

/** Counts of one topic, since the start. */
export interface TopicCounts {
  /** Messages that were written. */
  delivered: number
  /** Batches that were sent, each attempt by itself, with their bytes as sent and before compression. */
  batches: number
  bytes: number
  uncompressedBytes: number
  /** Attempts that failed and are followed by another. */
  retried: number
}

export interface LastFailure {
  /** Ms since 1970. */
  readonly at: number
  readonly error: MillraceError
}

/** What was sent and what became of it, counted batch by batch. */
export class Ledger {
  readonly topics = new Map<string, TopicCounts>()
  /** Messages that were not delivered. */
  readonly failed = new Tally<'topic' | 'code'>()
  lastFailure: LastFailure | null = null
  readonly #clock: Clock
  /** Null unless somebody wants metrics. */
  readonly #histograms: Readonly<Record<'batchMessages' | 'queueTime' | 'requestDuration', Histogram>> | null

  constructor(clock: Clock, meters: Meters | null) {
    this.#clock = clock
    const { batchMessages, queueTime, requestDuration } = metricDefinitions
    this.#histograms =
      meters === null
        ? null
        : {
            batchMessages: meters.histogram(batchMessages),
            queueTime: meters.histogram(queueTime),
            requestDuration: meters.histogram(requestDuration),
          }
  }

  get delivered(): number {
    let delivered = 0
    for (const counts of this.topics.values()) delivered += counts.delivered
    return delivered
  }

  /** An attempt begins. */
  sent(batch: ProducerBatch, bytes: number): void {
    const counts = this.#of(batch.topic)
    counts.batches++
    counts.bytes += bytes
    counts.uncompressedBytes += batch.length
    if (this.#histograms === null || batch.attempts > 1) return
    this.#histograms.batchMessages.observe(batch.count)
    this.#histograms.queueTime.observe((this.#clock.now() - batch.createdAt) / 1_000)
  }

  /** A request that was sent at this time, by the clock's `now`, was answered, or will not be. */
  answered(sentAt: number): void {
    this.#histograms?.requestDuration.observe((this.#clock.now() - sentAt) / 1_000)
  }

  retried({ topic }: ProducerBatch): void {
    this.#of(topic).retried++
  }

  settled({ topic, count, failure }: ProducerBatch): void {
    if (failure === null) this.#of(topic).delivered += count
    else this.refused(topic, failure, count)
  }

  /** Messages that are in no log, or perhaps are not. */
  refused(topic: string, error: MillraceError, count = 1): void {
    this.failed.add({ topic, code: error.code }, count)
    this.lastFailure = { at: this.#clock.wallTime(), error }
  }

  #of(topic: string): TopicCounts {
    let counts = this.topics.get(topic)
    if (counts === undefined) {
      counts = { delivered: 0, batches: 0, bytes: 0, uncompressedBytes: 0, retried: 0 }
      this.topics.set(topic, counts)
    }
    return counts
  }
}
