import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { Message } from '../records/message.ts'
import type { HandlerContext } from '../work/context.ts'
import { CommandLogger } from './command-logger.ts'
import { logLevel, readerOptions, withClient } from './connect.ts'
import { type Plan, planOf, type ReadOptions } from './consume-plan.ts'
import { type DeadLetter, type DeadLetterFilter, isMeant, readDeadLetter } from './dead-letter.ts'
import { watchEnd } from './end-watch.ts'
import { byTopic } from './partitions.ts'
import { untilAborted } from './until-aborted.ts'

export interface DeadLetterOptions extends ReadOptions {
  readonly origin?: string
  readonly error?: RegExp
  readonly reason?: string
  readonly max?: number
}

/** Letters that may be looked at, or written, at the same time. */
const AHEAD = 1_000
const DRAIN_MS = 20_000

/** Reads the letters of a topic that are there at the start, or as many as are wanted, in the order of each partition. */
export class DeadLetterReader {
  readonly #consumer: Consumer
  readonly #plan: Plan
  readonly #filter: DeadLetterFilter
  readonly #max: number
  readonly #visit: (letter: DeadLetter, context: HandlerContext) => unknown
  #visited = 0
  #complete = false
  #failure: Error | null = null

  /** `visit` sees those that are meant; with a group each is committed when it has returned. What it throws ends the reading. */
  static async open(
    topic: string,
    options: DeadLetterOptions,
    visit: (letter: DeadLetter, context: HandlerContext) => unknown,
  ): Promise<DeadLetterReader> {
    const plan = await withClient(options, client => planOf(client, [topic], options))
    return new DeadLetterReader(plan, options, visit)
  }

  private constructor(
    plan: Plan,
    options: DeadLetterOptions,
    visit: (letter: DeadLetter, context: HandlerContext) => unknown,
  ) {
    const { settings, group, max } = options
    const reader = readerOptions(settings)
    this.#plan = plan
    this.#filter = options
    this.#max = max ?? Number.POSITIVE_INFINITY
    this.#visit = visit
    this.#consumer = new Consumer({
      ...reader,
      ...(group === undefined ? {} : { group }),
      logger: new CommandLogger(logLevel(options)),
      ownership: {
        ...reader.ownership,
        drainMs: DRAIN_MS,
        ...(plan.firsts !== null && { onAssigned: (partitions: readonly TopicPartition[]) => this.#begin(partitions) }),
      },
      work: { order: 'none', concurrency: AHEAD, attempts: 1, timeoutMs: Number.MAX_SAFE_INTEGER },
      offsets: { start: plan.start },
    })
    for (const [name, partitions] of byTopic(plan.partitions)) {
      this.#consumer.topic({ topic: name, partitions }, (message, context) => this.#look(message, context))
    }
  }

  /** How many were visited. */
  get visited(): number {
    return this.#visited
  }

  /** Resolves to whether all was read: not after Ctrl-C. Rejects with what `visit` threw. */
  async run(): Promise<boolean> {
    const finish = () => this.#finish()
    const stop = watchEnd(this.#consumer, this.#plan.ends ?? new Map(), finish, null)
    try {
      await this.#consumer.run({ handleSignals: true })
    } catch (thrown) {
      throw this.#failure ?? thrown
    } finally {
      stop()
    }
    return this.#complete
  }

  async #look(message: Message, context: HandlerContext): Promise<void> {
    const { topic, partition, offset } = message
    const end = this.#plan.ends?.get(partitionName(topic, partition)) ?? 0
    if (offset + 1 >= end) this.#consumer.pause([{ topic, partition }])
    const letter = readDeadLetter(message)
    if (offset >= end || !isMeant(letter, this.#filter)) return
    // Not done, so that it is not committed either.
    if (this.#visited >= this.#max) return untilAborted(context.signal)
    this.#visited++
    if (this.#visited === this.#max) this.#consumer.pause()
    try {
      await this.#visit(letter, context)
    } catch (thrown) {
      this.#failure ??= thrown as Error
      throw thrown
    }
    if (this.#visited === this.#max) setImmediate(() => this.#finish())
  }

  #begin(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const first = this.#plan.firsts?.get(partitionName(topic, partition))
      if (first !== undefined) this.#consumer.seek({ topic, partition }, first)
    }
  }

  #finish(): void {
    this.#complete = true
    void this.#consumer.close()
  }
}
