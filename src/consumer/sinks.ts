import type { Clock } from '../base/clock.ts'
import { MillraceError, OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { Admin } from '../client/admin.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import type { Tally } from '../metrics/tally.ts'
import type { ProducerMessage } from '../producer/message.ts'
import { Producer } from '../producer/producer.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
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
import { persist } from './persist.ts'

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
/** How long a topic that was made may take to be led. */
const LED_MS = 10_000

/** Where messages go whose attempts are spent: what keeps them, the producer for it, and the topics they need. */
export class Sinks {
  readonly #parts: SinksParts
  readonly #log: KeptLog
  #producer: Producer | null = null
  /** By the topic that is consumed and the sink: what it needs is there. */
  readonly #looked = new Map<string, Promise<void>>()
  /** Topics that exist. */
  readonly #there = new Set<string>()
  readonly #making = new Map<string, Promise<void>>()

  constructor(parts: SinksParts) {
    this.#parts = parts
    this.#log = new KeptLog(parts.logger)
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
          this.#ready(sink, this.#parts.retries.get(topic)?.topic ?? topic).then(
            () => begin(ofTopic.filter(claim => claim.live)),
            failed,
          )
        }
      }
    }
  }

  /**
   * Resolves when the topics that a sink needs for this one exist; they are looked for once. Network trouble is waited out.
   *
   * @throws {MillraceError} `MISSING_DEAD_LETTER_TOPIC`
   */
  #ready(sink: FailureSink, topic: string): Promise<void> {
    const key = `${sink.name} ${topic}`
    let ready = this.#looked.get(key)
    if (ready === undefined) {
      ready = this.#prepare(sink, topic)
      this.#looked.set(key, ready)
    }
    return ready
  }

  /** Makes sure, before anything is consumed, of the topics that are read as well. */
  async start(
    routes: readonly { readonly onFailure: OnFailureOption; readonly names: readonly string[] }[],
  ): Promise<void> {
    for (const { onFailure, names } of routes) {
      if (!isSink(onFailure) || onFailure.retryTopics === undefined) continue
      for (const name of names) await this.#ready(onFailure, name)
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close({ drainMs: 0 })
  }

  /** @throws {OptionError} when it would write where nobody reads */
  #checkRead(sink: FailureSink, topic: string): void {
    const { group, retries } = this.#parts
    const source = retries.get(topic)?.topic ?? topic
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
      if (!sink.create || this.#there.has(answer.topic)) return this.#write(answer, sink, failure)
      // A function chose it, so it was not looked for beforehand.
      return this.#make(answer.topic, failure.message.topic)
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

  /** Makes a topic, once for all that wait for it; if that fails, the next that needs it tries again. */
  #make(topic: string, source: string): Promise<void> {
    const known = this.#making.get(topic)
    if (known !== undefined) return known
    const origin = this.#parts.retries.get(source)?.topic ?? source
    const making = this.#look(topic, origin, true).finally(() => this.#making.delete(topic))
    this.#making.set(topic, making)
    return making
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

  #prepare(sink: FailureSink, source: string): Promise<void> {
    const look = async () => {
      for (const topic of sink.topicsFor(source, this.#parts.group)) await this.#look(topic, source, sink.create)
    }
    return persist(sink.name, look, this.#parts)
  }

  async #look(topic: string, source: string, create: boolean): Promise<void> {
    const { client, logger } = this.#parts
    const { topics } = await client.metadata([topic, source])
    const found = topics.get(topic)
    const missing = found === undefined || (found.error instanceof KafkaError && unknown.has(found.error.errorCode))
    if (!missing) {
      // One that is not led yet has its deliveries tried again.
      if (found.error !== null && !found.error.retriable) throw found.error
      this.#there.add(topic)
      return
    }
    const partitions = Math.max(1, topics.get(source)?.partitions.length ?? 1)
    if (!create || !(client instanceof NativeClient)) {
      const text =
        `Topic ${topic}, to which messages of ${source} are to go that fail, does not exist. Make it: ` +
        `millrace topics create ${topic} --partitions ${partitions}; or let the consumer, with deadLetter('${topic}', { create: true })`
      throw new MillraceError('MISSING_DEAD_LETTER_TOPIC', text, { topic })
    }
    const admin = new Admin(client)
    try {
      await admin.createTopic(topic, { partitions })
    } catch (thrown) {
      // Another member was quicker.
      if (!(thrown instanceof KafkaError && thrown.errorCode === errorCodes.TOPIC_ALREADY_EXISTS)) throw thrown
    }
    await admin.waitForLeaders([topic], { timeoutMs: LED_MS })
    this.#there.add(topic)
    logger.info({ topic, partitions }, `topic ${topic} was made, for messages of ${source} that fail`)
  }
}

const unknown: ReadonlySet<number> = new Set([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.UNKNOWN_TOPIC_ID])
