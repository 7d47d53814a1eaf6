import type { Clock } from '../base/clock.ts'
import { OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import type { Tally } from '../metrics/tally.ts'
import type { ProducerMessage } from '../producer/message.ts'
import { Producer } from '../producer/producer.ts'
import type { Decision, Failure, OnFailure } from '../work/failure.ts'
import type { AnyMessage, Claim } from './claim.ts'
import {
  type FailureSink,
  isKeeping,
  isSink,
  type OnFailureOption,
  type RetryPlace,
  type SinkParts,
} from './failure-sink.ts'
import { KeptLog, Letter } from './keeping.ts'
import { OutputList, type OutputParts } from './outputs.ts'
import { SinkTopics } from './sink-topics.ts'

export interface SinksParts {
  readonly brokers: readonly string[]
  readonly client: LowLevelClient
  /** Messages are written with the settlement of what failed; null: by themselves. */
  readonly outputs: OutputParts | null
  readonly group: string | null
  /** Retry topics that the consumer reads. */
  readonly retries: ReadonlyMap<string, RetryPlace>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Ends waits, and what is kept: nothing begins afterwards. */
  readonly signal: AbortSignal
}

/** How long one message may take to be written; its place in `work.concurrency` is taken meanwhile. */
const DELIVERY_MS = 30_000

/** Where messages go whose attempts are spent: what keeps them, and the producer for it. */
export class Sinks {
  readonly #parts: SinksParts
  readonly #log: KeptLog
  #producer: Producer | null = null
  readonly #topics: SinkTopics

  constructor(parts: SinksParts) {
    this.#parts = parts
    this.#log = new KeptLog(parts.logger)
    this.#topics = new SinkTopics(parts)
  }

  /** Messages that were kept elsewhere, by the topic they came from. */
  get kept(): Tally<'topic'> {
    return this.#log.kept
  }

  /** What work asks. Of a function's answers, sinks are used as they are: their topics are not looked for before a message fails. */
  onFailure(option: OnFailureOption): OnFailure<AnyMessage> {
    if (typeof option === 'string') return option
    if (typeof option !== 'function') return failure => this.#keep(option, failure)
    return async failure => {
      const answer = await option(failure)
      if (!isSink(answer)) return answer
      this.#checkRead(answer, failure.message.topic)
      return this.#keep(answer, failure)
    }
  }

  /**
   * Begins claims: those whose failures go nowhere at once, the others when the topics that their failures need are there. So nothing is
   * handled before there is a place for what fails.
   */
  prepare(
    claims: readonly Claim[],
    onFailureOf: (claim: Claim) => OnFailureOption,
    { begin, failed }: { begin: (claims: readonly Claim[]) => void; failed: (error: Error) => void },
  ): void {
    const sinkOf = (claim: Claim) => {
      const onFailure = onFailureOf(claim)
      return isSink(onFailure) ? onFailure : null
    }
    for (const [sink, those] of Map.groupBy(claims, sinkOf)) {
      if (sink === null) begin(those)
      else {
        for (const [topic, ofTopic] of Map.groupBy(those, claim => claim.topic)) {
          this.#topics.ready(sink, this.#originOf(topic)).then(() => begin(ofTopic.filter(claim => claim.live)), failed)
        }
      }
    }
  }

  /** Makes sure, before anything is consumed, of the topics that are read as well. */
  async start(
    routes: readonly { readonly onFailure: OnFailureOption; readonly names: readonly string[] }[],
  ): Promise<void> {
    for (const { onFailure, names } of routes) {
      if (!isSink(onFailure) || onFailure.retryTopics === undefined) continue
      for (const name of names) await this.#topics.ready(onFailure, name)
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close({ drainMs: 0 })
  }

  /** @throws {OptionError} when it would write where nobody reads */
  #checkRead(sink: FailureSink, topic: string): void {
    const { group, retries } = this.#parts
    const source = this.#originOf(topic)
    const unread = sink.retryTopics?.(group ?? '', source).find(name => !retries.has(name))
    if (unread === undefined) return
    const text = `a function answered retryTopic(), and nobody reads ${unread}: let work.onFailure of the route be retryTopic() itself, with its option when`
    throw new OptionError(text)
  }

  /** Never throws, nor rejects. */
  #keep(sink: FailureSink, failure: Failure<AnyMessage>): Decision | PromiseLike<Decision> {
    const { group, clock, signal } = this.#parts
    // A decision that outlived the consumer: whoever owns the partition next decides about the message again.
    if (signal.aborted) return 'hold'
    const parts = { group, now: clock.wallTime(), retryOf: this.#retryOf }
    try {
      if (isKeeping(sink)) return this.#follow(sink.keep(failure, parts), sink, failure)
      const answer = sink.letter(failure, parts)
      if (typeof answer === 'string') return this.#log.decided(sink.name, failure, answer)
      if (isSink(answer)) return this.#keep(answer, failure)
      if (!sink.create || this.#topics.has(answer.topic)) return this.#write(answer, sink, failure)
      // A function chose it, so it was not looked for beforehand.
      return this.#topics
        .make(answer.topic, this.#originOf(failure.message.topic))
        .then(() => this.#write(answer, sink, failure))
        .catch(thrown => this.#log.unkept(sink.name, failure, thrown))
    } catch (thrown) {
      return this.#log.unkept(sink.name, failure, thrown)
    }
  }

  #follow(decision: Promise<Decision>, { name }: FailureSink, failure: Failure<AnyMessage>): Promise<Decision> {
    // Programs without types may answer at once.
    return Promise.resolve(decision).then(
      decided => this.#log.decided(name, failure, decided),
      thrown => this.#log.unkept(name, failure, thrown),
    )
  }

  /** @throws {MillraceError} */
  #write(
    letter: ProducerMessage,
    { name }: FailureSink,
    failure: Failure<AnyMessage>,
  ): Decision | PromiseLike<Decision> {
    const { outputs } = this.#parts
    if (outputs === null) {
      const { accept } = this.#openProducer()
      const written = new Letter(this.#log, name, failure)
      accept(letter, undefined, written, 0)
      return written
    }
    const list = new OutputList(outputs)
    list.add(letter, undefined)
    // It has no serdes that could be waited for.
    void list.attach(failure.message)
    return this.#log.decided(name, failure, 'skip')
  }

  /** Whose messages a retry topic has; of another topic itself. */
  #originOf(topic: string): string {
    return this.#parts.retries.get(topic)?.topic ?? topic
  }

  readonly #retryOf: SinkParts['retryOf'] = topic => this.#parts.retries.get(topic) ?? null

  /** @throws {ClosedError} */
  #openProducer(): Producer {
    const { brokers, client, clock, random, logger, signal } = this.#parts
    // Nobody would close it.
    signal.throwIfAborted()
    this.#producer ??= new Producer(
      {
        brokers,
        client,
        idempotent: client instanceof NativeClient,
        deliveryTimeoutMs: DELIVERY_MS,
        logger,
      },
      { clock, random },
    )
    return this.#producer
  }
}
