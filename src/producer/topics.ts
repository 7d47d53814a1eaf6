import type { Backoff } from '../base/backoff.ts'
import { type Clock, longestTimerMs, sleep, type Timer } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { within } from '../client/deadline.ts'
import { isFatal } from '../client/fatal.ts'
import type { LowLevelClient, TopicMetadata } from '../client/low-level-client.ts'
import { KafkaError } from '../protocol/error-codes.ts'

export interface TopicsParts {
  readonly client: Pick<LowLevelClient, 'metadata'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly backoff: Backoff
  /** How old what is known may get, ms. */
  readonly maxAgeMs: number
  /** Topics were looked up: some may be known now, or led by others. */
  readonly changed: () => void
  /** A topic is not known, and looking again is of no use until somebody changes something. */
  readonly refused: (topic: string, error: MillraceError) => void
}

/** A topic that was looked up is not looked up again before a time, by the clock's `now`: later each time that it was of no use. */
interface Rest {
  readonly attempt: number
  readonly until: number
}

/** What the producer knows of the topics it writes to: looked up when they are needed, doubted or old; one request at a time. */
export class Topics {
  readonly #parts: TopicsParts
  readonly #ended = new AbortController()
  readonly #known = new Map<string, TopicMetadata>()
  /** Why a topic that is looked for is not known. */
  readonly #errors = new Map<string, Error>()
  readonly #learnedAt = new Map<string, number>()
  /** Not told of yet. */
  readonly #missing: { readonly topic: string; readonly error: Error }[] = []
  readonly #doubted = new Set<string>()
  readonly #rests = new Map<string, Rest>()
  #looking: Promise<void> | null = null
  /** Ends the wait for a rest to be over. */
  #wake = new AbortController()
  readonly #ageing: Timer

  constructor(parts: TopicsParts) {
    this.#parts = parts
    this.#ageing = parts.clock.every(parts.maxAgeMs, () => this.#age())
  }

  /** Null while it is not known to exist; then it is looked up. */
  get(topic: string): TopicMetadata | null {
    const known = this.#known.get(topic)
    if (known === undefined) this.doubt(topic)
    return known ?? null
  }

  /** How long ago what is known of it was looked up, ms. */
  age(topic: string): number {
    return this.#parts.clock.now() - (this.#learnedAt.get(topic) ?? Number.NEGATIVE_INFINITY)
  }

  /** Why it is not known, when it was looked up. */
  error(topic: string): Error | null {
    return this.#errors.get(topic) ?? null
  }

  /** Node id of the leader; -1 while there is none: then it is looked up. */
  leader(topic: string, partition: number): number {
    const leader = this.get(topic)?.partitions[partition]?.leader ?? -1
    if (leader < 0) this.doubt(topic)
    return leader
  }

  /** What is known of it; nothing is looked up. */
  known(topic: string): TopicMetadata | null {
    return this.#known.get(topic) ?? null
  }

  /** They may be led by others by now. */
  doubt(...topics: readonly string[]): void {
    for (const topic of topics) {
      if (this.#doubted.has(topic)) continue
      this.#doubted.add(topic)
      this.#wake.abort()
    }
    if (this.#doubted.size > 0 && !this.#ended.signal.aborted) this.#looking ??= this.#look()
  }

  async close(): Promise<void> {
    this.#ended.abort()
    this.#ageing.cancel()
    this.#wake.abort()
    await this.#looking
  }

  async #look(): Promise<void> {
    const { client, clock, logger, changed } = this.#parts
    const { signal } = this.#ended
    while (this.#doubted.size > 0 && !signal.aborted) {
      const topics = await this.#rested()
      try {
        // Whoever shares the client may close first.
        const late = () => new MillraceError('REQUEST_TIMEOUT', 'The client does not answer', { retriable: true })
        const asked = topics.length === 0 ? null : client.metadata(topics)
        const found = asked === null ? null : await within(clock, longestTimerMs, asked, late, signal)
        for (const topic of topics) this.#learn(topic, found?.topics.get(topic))
      } catch (thrown) {
        if (signal.aborted) break
        const error = toError(thrown)
        logger.debug({ err: error }, 'topics could not be looked up')
        for (const topic of topics) this.#missed(topic, error)
      }
      if (signal.aborted) break
      this.#tellMissing()
      for (const topic of topics) this.#rest(topic)
      if (topics.length > 0) changed()
    }
    this.#looking = null
  }

  /** Those that are doubted and may be looked up; waits for a while where there are none. */
  async #rested(): Promise<readonly string[]> {
    const { clock } = this.#parts
    const now = clock.now()
    const until = (topic: string) => this.#rests.get(topic)?.until ?? now
    const topics = [...this.#doubted].filter(topic => until(topic) <= now)
    for (const topic of topics) this.#doubted.delete(topic)
    if (topics.length === 0) {
      const first = [...this.#doubted].map(until).reduce((one, other) => Math.min(one, other))
      this.#wake = new AbortController()
      await sleep(clock, first - now, this.#wake.signal).catch(() => {})
    }
    return topics
  }

  #rest(topic: string): void {
    const { clock, random, backoff } = this.#parts
    const isLed = this.#known.get(topic)?.partitions.every(({ leader }) => leader >= 0)
    const attempt = isLed && !this.#errors.has(topic) ? 1 : (this.#rests.get(topic)?.attempt ?? 0) + 1
    this.#rests.set(topic, { attempt, until: clock.now() + backoff(attempt, random) })
  }

  #age(): void {
    for (const topic of this.#rests.keys()) {
      if (this.#known.has(topic) || this.#doubted.has(topic)) continue
      // Nobody writes to it any more.
      this.#rests.delete(topic)
      this.#errors.delete(topic)
    }
    this.doubt(...this.#known.keys())
  }

  #learn(topic: string, found: TopicMetadata | undefined): void {
    if (found !== undefined && found.error === null && found.partitions.length > 0) {
      this.#known.set(topic, found)
      this.#learnedAt.set(topic, this.#parts.clock.now())
      this.#errors.delete(topic)
      return
    }
    this.#missed(topic, found?.error ?? new MillraceError('MISSING_TOPIC', `Topic ${topic} is not known`, { topic }))
  }

  /** What was known of it stays: a broker that starts knows little. */
  #missed(topic: string, error: Error): void {
    const { refused } = this.#parts
    const before = this.#errors.get(topic)
    this.#errors.set(topic, error)
    if (this.#known.has(topic)) return
    if (error instanceof MillraceError && isFatal(error)) refused(topic, error)
    // What befalls a connection is told by the client.
    else if (error instanceof KafkaError && error.message !== before?.message) this.#missing.push({ topic, error })
  }

  /** Thousands may be missing at once: a line for all. */
  #tellMissing(): void {
    const [first, ...others] = this.#missing.splice(0)
    if (first === undefined) return
    const { topic, error } = first
    const more = others.length === 0 ? '' : ` and ${others.length} other topics`
    this.#parts.logger.warn({ topic }, `messages to ${topic}${more} wait: ${error.message}`)
  }
}
