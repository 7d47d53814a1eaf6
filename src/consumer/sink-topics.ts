import { MillraceError } from '../base/errors.ts'
import { Admin } from '../client/admin.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { FailureSink } from './failure-sink.ts'
import { type PersistParts, persist } from './persist.ts'

export interface SinkTopicsParts extends PersistParts {
  readonly client: LowLevelClient
  readonly group: string | null
}

/** How long a topic that was made may take to be led. */
const LED_MS = 10_000

const unknown: ReadonlySet<number> = new Set([errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorCodes.UNKNOWN_TOPIC_ID])

/** The topics that sinks write to: looked for, and made where that is wanted. */
export class SinkTopics {
  readonly #parts: SinkTopicsParts
  /** By the topic that is consumed and the sink: what it needs is there. */
  readonly #looked = new Map<string, Promise<void>>()
  readonly #there = new Set<string>()
  readonly #making = new Map<string, Promise<void>>()

  constructor(parts: SinkTopicsParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the topics that a sink needs for messages of `source` exist; they are looked for once. Network trouble is waited out.
   *
   * @throws {MillraceError} `MISSING_DEAD_LETTER_TOPIC`
   */
  ready(sink: FailureSink, source: string): Promise<void> {
    const key = `${sink.name} ${source}`
    let ready = this.#looked.get(key)
    if (ready === undefined) {
      ready = this.#prepare(sink, source)
      this.#looked.set(key, ready)
    }
    return ready
  }

  /** Whether it is known to exist. */
  has(topic: string): boolean {
    return this.#there.has(topic)
  }

  /** Makes a topic, once for all that wait for it; if that fails, the next that needs it tries again. */
  make(topic: string, source: string): Promise<void> {
    const known = this.#making.get(topic)
    if (known !== undefined) return known
    const making = this.#look(topic, source, true).finally(() => this.#making.delete(topic))
    this.#making.set(topic, making)
    return making
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
