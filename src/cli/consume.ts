import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Admin } from '../client/admin.ts'
import type { NativeClient } from '../client/native-client.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { StartPosition } from '../fetch/options.ts'
import type { Message } from '../records/message.ts'
import type { HandlerContext } from '../work/context.ts'
import { CommandLogger } from './command-logger.ts'
import { type CommonOptions, logLevel, readerOptions, withClient } from './connect.ts'
import { watchEnd } from './end-watch.ts'
import { CommandError, exitCodes } from './failure.ts'
import { type Format, jsonFormat } from './format.ts'
import { GroupProgress } from './group-progress.ts'
import { cannotWrite, Output } from './output.ts'
import { byTopic, choosePartitions, edgesOf, endOffsets, findTopics } from './partitions.ts'

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
    await checkStart(client, chosen, options)
    return { chosen, ends: options.untilEnd ? await endsOf(client, chosen, options) : null }
  })
  await new Printing(chosen, ends, options).run()
}

/** Whole topics are shared with the other members of the group. */
function joins({ group, partition }: ConsumeOptions): boolean {
  return group !== undefined && partition === undefined
}

/** Where to end. Another member need not commit anything where nothing is, so there it is not waited for. */
async function endsOf(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  options: ConsumeOptions,
): Promise<ReadonlyMap<string, number>> {
  const ends = await endOffsets(client, partitions)
  if (!joins(options)) return ends
  const edges = await edgesOf(client, partitions)
  return new Map([...ends].filter(([name, end]) => (edges.get(name)?.earliest ?? 0) < end))
}

/**
 * Looks at offsets before they are used: `--until-end` would take one beyond the end for the end, and one that is committed for a group
 * and does not exist would stop each later run as well.
 */
async function checkStart(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  { from, group }: ConsumeOptions,
): Promise<void> {
  const given = typeof from === 'object' && 'offset' in from ? from.offset : null
  if (given === null && group === undefined) return
  const offsets = group === undefined ? [] : await new Admin(client).groupOffsets(group)
  const committed = new Map(offsets.map(({ topic, partition, offset }) => [partitionName(topic, partition), offset]))
  for (const [name, { earliest, latest }] of await edgesOf(client, partitions)) {
    const offset = committed.get(name) ?? given
    if (offset === null || earliest === null || latest === null || (offset >= earliest && offset <= latest)) continue
    const where = `Offset ${offset} of ${name}${committed.has(name) ? `, committed for group ${group},` : ''}`
    const advice = committed.has(name)
      ? 'Use another --group'
      : 'Use another --from (a timestamp is written @MS) or --partition'
    throw new CommandError(
      exitCodes.failure,
      'OFFSET_OUT_OF_RANGE',
      `${where} does not exist: there are ${earliest} to ${latest}. ${advice}`,
    )
  }
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

  constructor(
    partitions: readonly TopicPartition[],
    ends: ReadonlyMap<string, number> | null,
    options: ConsumeOptions,
  ) {
    const { settings, group, partition, from, format, json, max } = options
    this.#format = json ? jsonFormat : format
    this.#max = max ?? Number.POSITIVE_INFINITY
    this.#ends = ends
    this.#bounded = max !== undefined || ends !== null
    this.#output = new Output(process.stdout, error => this.#broken(error))
    const reader = readerOptions(settings)
    this.#consumer = new Consumer({
      ...reader,
      ...(group === undefined ? {} : { group }),
      logger: new CommandLogger(logLevel(options)),
      ownership: { ...reader.ownership, drainMs: DRAIN_MS },
      // A reader may take its time, as a pager does.
      work: { order: 'none', concurrency: AHEAD, timeoutMs: Number.MAX_SAFE_INTEGER },
      offsets: { start: from },
    })
    const print = (message: Message, context: HandlerContext) => this.#print(message, context)
    const chosen = byTopic(partitions)
    // Whole topics get new partitions too.
    if (joins(options) || (partition === undefined && ends === null)) this.#consumer.topic([...chosen.keys()], print)
    else for (const [topic, numbers] of chosen) this.#consumer.topic({ topic, partitions: numbers }, print)
    this.#others = group !== undefined && ends !== null && joins(options) ? new GroupProgress(group, options) : null
  }

  async run(): Promise<void> {
    const finish = () => this.#finish()
    const stop = this.#ends === null ? () => {} : watchEnd(this.#consumer, this.#ends, finish, this.#others)
    try {
      await this.#consumer.run({ handleSignals: true })
    } finally {
      stop()
      await this.#others?.close()
    }
    if (this.#error !== null) throw cannotWrite(this.#error)
    if (this.#bounded && !this.#complete) {
      throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', `Interrupted after ${this.#printed} messages`)
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

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
