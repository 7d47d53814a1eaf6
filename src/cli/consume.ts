import { MillraceError, toError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { StartPosition } from '../fetch/options.ts'
import type { Message } from '../records/message.ts'
import type { HandlerContext } from '../work/context.ts'
import { CommandLogger } from './command-logger.ts'
import { type CommonOptions, logLevel, withClient } from './connect.ts'
import { watchEnd } from './end-watch.ts'
import { CommandError, exitCodes } from './failure.ts'
import { type Format, jsonFormat } from './format.ts'
import { cannotWrite, Output } from './output.ts'
import { byTopic, choosePartitions, edges, endOffsets, findTopics } from './partitions.ts'

export interface ConsumeOptions extends CommonOptions {
  readonly group?: string
  readonly partition?: readonly number[]
  readonly from: StartPosition
  readonly max?: number
  readonly untilEnd?: boolean
  readonly format: Format
  readonly json?: boolean
}

/** Messages whose lines may wait to be written. */
const AHEAD = 1_000
/** How long what was formatted may take to be written after Ctrl-C. */
const DRAIN_MS = 5_000

/** `millrace consume`: prints messages until Ctrl-C, `--max`, `--until-end`, or until nobody reads any more. */
export async function consume(topics: readonly string[], options: ConsumeOptions): Promise<void> {
  const { chosen, ends } = await withClient(options, async client => {
    const found = await findTopics(client, topics, options.timeout)
    const chosen = choosePartitions(found, options.partition)
    return { chosen, ends: options.untilEnd ? await endOffsets(client, chosen) : null }
  })
  try {
    await new Printing(chosen, ends, options).run()
  } catch (error) {
    throw await withRange(toError(error), options)
  }
}

/** Which offsets there are, when the one to begin at is none of them: the broker that refused it does not tell. */
async function withRange(error: Error, options: ConsumeOptions): Promise<Error> {
  if (!(error instanceof MillraceError) || error.code !== 'OFFSET_OUT_OF_RANGE') return error
  const { topic = '', partition = -1, offset } = error
  const name = partitionName(topic, partition)
  const { earliest, latest } = await withClient(options, async client => {
    const found = await edges(client, await findTopics(client, [topic], options.timeout))
    return found.get(name) ?? { earliest: null, latest: null }
  })
  return new CommandError(
    exitCodes.failure,
    error.code,
    `Offset ${offset} of ${name} does not exist: it has ${earliest} to ${latest}. Choose another --from ` +
      '(a timestamp is written @ and milliseconds), --partition, or another --group if that offset was committed',
    error,
  )
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
  readonly #bounded: boolean
  #printed = 0
  #complete = false
  #error: NodeJS.ErrnoException | null = null

  constructor(
    partitions: readonly TopicPartition[],
    ends: ReadonlyMap<string, number> | null,
    { brokers, clientId, group, partition, from, format, json, max, ...common }: ConsumeOptions,
  ) {
    this.#format = json ? jsonFormat : format
    this.#max = max ?? Number.POSITIVE_INFINITY
    this.#ends = ends
    this.#bounded = max !== undefined || ends !== null
    this.#output = new Output(process.stdout, error => this.#broken(error))
    this.#consumer = new Consumer({
      brokers,
      clientId,
      ...(group === undefined ? {} : { group }),
      logger: new CommandLogger(logLevel({ brokers, clientId, ...common })),
      ownership: { drainMs: DRAIN_MS },
      // A reader may take its time, as a pager does.
      work: { order: 'none', concurrency: AHEAD, timeoutMs: Number.MAX_SAFE_INTEGER },
      offsets: { start: from },
    })
    const print = (message: Message, context: HandlerContext) => this.#print(message, context)
    const chosen = byTopic(partitions)
    // Whole topics get new partitions too.
    if (group === undefined && partition === undefined && ends === null) this.#consumer.topic([...chosen.keys()], print)
    else for (const [topic, numbers] of chosen) this.#consumer.topic({ topic, partitions: numbers }, print)
  }

  async run(): Promise<void> {
    const stop = this.#ends === null ? () => {} : watchEnd(this.#consumer, this.#ends, () => void this.#finish())
    try {
      await this.#consumer.run({ handleSignals: true })
    } finally {
      stop()
    }
    if (this.#error !== null) throw cannotWrite(this.#error)
    if (this.#bounded && !this.#complete) {
      throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', `Interrupted after ${this.#printed} messages`)
    }
  }

  #print(message: Message, context: HandlerContext): Promise<void> {
    const { topic, partition, offset } = message
    const end = this.#ends?.get(partitionName(topic, partition)) ?? Number.POSITIVE_INFINITY
    if (offset + 1 >= end) this.#consumer.pause([{ topic, partition }])
    if (offset >= end || this.#error !== null) return untilAborted(context.signal)
    const written = this.#output.write(
      lines => this.#format(message, lines),
      () => context.signal,
    )
    this.#printed++
    if (this.#printed === this.#max) {
      this.#consumer.pause()
      void this.#finish()
    }
    return written
  }

  async #finish(): Promise<void> {
    this.#complete = true
    await this.#output.flushed()
    await this.#consumer.close({ drainMs: 0 })
  }

  #broken(error: NodeJS.ErrnoException): void {
    // Who reads has seen enough, as `head` does.
    if (error.code === 'EPIPE') this.#complete = true
    else this.#error = error
    void this.#consumer.close({ drainMs: 0 })
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
