import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { Message } from '../records/message.ts'
import type { HandlerContext } from '../work/context.ts'
import { CommandLogger } from './command-logger.ts'
import { logLevel, readerOptions, withClient } from './connect.ts'
import { checkTogether, joins, type Plan, planOf, type ReadOptions } from './consume-plan.ts'
import { watchEnd } from './end-watch.ts'
import { CommandError, exitCodes } from './failure.ts'
import { compileFormat, type Format, jsonFormat } from './format.ts'
import { GroupProgress } from './group-progress.ts'
import { cannotWrite, Output } from './output.ts'
import { byTopic } from './partitions.ts'
import { Progress } from './progress.ts'
import { untilAborted } from './until-aborted.ts'

export interface ConsumeOptions extends ReadOptions {
  readonly max?: number
  readonly format: string
  /** What null prints. */
  readonly null?: string
  readonly json?: boolean
}

/** Messages whose lines may wait to be written. */
const AHEAD = 1_000
/** How long what was formatted may take to be written after Ctrl-C. */
const DRAIN_MS = 5_000
/** How often it is looked for new topics. */
const FOLLOW_MS = 5_000

/** `millrace consume`: prints messages until Ctrl-C, `--max`, `--until-end`, `--until`, or until nobody reads any more. */
export async function consume(topics: readonly string[], options: ConsumeOptions): Promise<void> {
  checkTogether(topics, options)
  const plan = await withClient(options, client => planOf(client, topics, options))
  // Of topics by a pattern there may be none yet.
  if (plan.ends === null || plan.partitions.length > 0) await new Printing(plan, options).run()
}

/**
 * Prints in the order of the offsets of each partition. All that may be printed is taken in order `'none'`, as each line is appended
 * when its handler is entered; a message is done when its line was written. A message beyond the end is left alone, so that what is
 * printed and what is committed is the same to the message.
 */
class Printing {
  readonly #consumer: Consumer
  readonly #output: Output
  readonly #format: Format
  readonly #max: number
  readonly #ends: ReadonlyMap<string, number> | null
  readonly #others: GroupProgress | null
  readonly #bounded: boolean
  #printed = 0
  #complete = false
  #error: NodeJS.ErrnoException | null = null

  constructor(plan: Plan, options: ConsumeOptions) {
    const { settings, group, follow, partition, json, max } = options
    const { ends, firsts } = plan
    this.#format = json ? jsonFormat : compileFormat(options.format, nullText(options))
    this.#max = max ?? Number.POSITIVE_INFINITY
    this.#ends = ends
    this.#bounded = max !== undefined || ends !== null
    this.#output = new Output(process.stdout, error => this.#broken(error))
    const reader = readerOptions(settings)
    this.#consumer = new Consumer({
      ...reader,
      ...(group === undefined ? {} : { group }),
      logger: new CommandLogger(logLevel(options)),
      ownership: {
        ...reader.ownership,
        drainMs: DRAIN_MS,
        ...(follow !== undefined && { refreshMs: FOLLOW_MS }),
        ...(firsts !== null && { onAssigned: partitions => this.#begin(partitions, firsts) }),
      },
      // A reader may take its time, as a pager does.
      work: { order: 'none', concurrency: AHEAD, timeoutMs: Number.MAX_SAFE_INTEGER },
      offsets: { start: plan.start },
    })
    const print = (message: Message, context: HandlerContext) => this.#print(message, context)
    const chosen = byTopic(plan.partitions)
    // Whole topics get new partitions too.
    if (joins(options) || (partition === undefined && ends === null)) {
      if (plan.topics.length > 0) this.#consumer.topic(plan.topics, print)
      if (follow !== undefined) this.#consumer.topic(new RegExp(follow), print)
    } else for (const [topic, numbers] of chosen) this.#consumer.topic({ topic, partitions: numbers }, print)
    this.#others = group !== undefined && ends !== null && joins(options) ? new GroupProgress(group, options) : null
  }

  async run(): Promise<void> {
    const finish = () => this.#finish()
    const progress = this.#bounded && !process.stdout.isTTY ? new Progress(() => `${this.#printed} messages`) : null
    const stop = this.#ends === null ? () => {} : watchEnd(this.#consumer, this.#ends, finish, this.#others)
    try {
      await this.#consumer.run({ handleSignals: true })
    } finally {
      progress?.end()
      stop()
      await this.#others?.close()
    }
    if (this.#error !== null) throw cannotWrite(this.#error)
    if (this.#bounded && !this.#complete) {
      throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', `Interrupted after ${this.#printed} messages`)
    }
  }

  /** Each begins at its own offset, but only once: a topic that was made anew has others. */
  #begin(partitions: readonly TopicPartition[], firsts: Map<string, number>): void {
    for (const { topic, partition } of partitions) {
      const name = partitionName(topic, partition)
      const first = firsts.get(name)
      firsts.delete(name)
      if (first !== undefined) this.#consumer.seek({ topic, partition }, first)
    }
  }

  #print(message: Message, context: HandlerContext): Promise<void> {
    const { topic, partition, offset } = message
    // A partition that was added meanwhile has nothing that was there at the start.
    const end = this.#ends === null ? Number.POSITIVE_INFINITY : (this.#ends.get(partitionName(topic, partition)) ?? 0)
    if (offset + 1 >= end) this.#consumer.pause([{ topic, partition }])
    if (offset >= end || this.#error !== null) return untilAborted(context.signal)
    const written = this.#output.write(
      lines => this.#format(message, lines),
      () => context.signal,
    )
    this.#printed++
    if (this.#printed === this.#max) {
      this.#consumer.pause()
      written.then(
        () => this.#finish(),
        () => {},
      )
    }
    return written
  }

  /** All is written that was to be printed. */
  #finish(): void {
    this.#complete = true
    void this.#consumer.close({ drainMs: 0 })
  }

  #broken(error: NodeJS.ErrnoException): void {
    // Who reads has seen enough, as `head` does.
    if (error.code === 'EPIPE') this.#complete = true
    else this.#error = error
    void this.#consumer.close({ drainMs: 0 })
  }
}

function nullText({ null: text }: ConsumeOptions): Buffer | null {
  return text === undefined ? null : Buffer.from(text)
}
