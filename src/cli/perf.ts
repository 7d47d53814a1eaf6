import { Consumer } from '../consumer/consumer.ts'
import { batch } from '../consumer/route.ts'
import type { Order } from '../work/route.ts'
import { CommandLogger } from './command-logger.ts'
import { type CommonOptions, logLevel, readerOptions, withClient } from './connect.ts'
import { watchEnd } from './end-watch.ts'
import { CommandError, exitCodes } from './failure.ts'
import { summaryRows } from './figures.ts'
import { Meter } from './meter.ts'
import { writeText } from './output.ts'
import { byTopic, choosePartitions, endOffsets, findTopics } from './partitions.ts'
import { table } from './table.ts'

export interface PerfOptions extends CommonOptions {
  readonly messages?: number
  /** Milliseconds. */
  readonly seconds?: number
  readonly concurrency: number
  readonly order: Order
  readonly batch?: number
  readonly group?: string
  readonly json?: boolean
}

/** `millrace perf consume`: how fast messages come to a handler that does nothing but count them. */
export async function perfConsume(topics: readonly string[], options: PerfOptions): Promise<void> {
  const { settings, group, messages: most = Number.POSITIVE_INFINITY, seconds } = options
  const { concurrency, order } = options
  const bounded = options.messages !== undefined || seconds !== undefined
  const { partitions, ends } = await withClient(options, async client => {
    const found = choosePartitions(await findTopics(client, topics, options.timeout), undefined)
    return { partitions: found, ends: bounded ? null : await endOffsets(client, found) }
  })

  const meter = new Meter()
  const consumer = new Consumer({
    ...readerOptions(settings),
    ...(group === undefined ? {} : { group }),
    logger: new CommandLogger(logLevel(options)),
    work: { concurrency, order },
  })
  let complete = false
  const finish = () => {
    if (complete) return
    complete = true
    meter.stop()
    consumer.pause()
    void consumer.close()
  }
  const count = (size: number) => {
    if (complete) return
    meter.add(size)
    if (meter.messages >= most) finish()
  }
  for (const [topic, numbers] of byTopic(partitions)) {
    consumer.topic(
      { topic, partitions: numbers },
      options.batch === undefined
        ? message => count(message.size)
        : batch({ messages: options.batch, lingerMs: 20 }, all => {
            for (const message of all) count(message.size)
          }),
    )
  }

  const stopWatch = ends === null ? () => {} : watchEnd(consumer, ends, finish, null)
  const limit = seconds === undefined ? undefined : setTimeout(finish, seconds)
  const progress = setInterval(() => process.stderr.write(`${meter.progress()}\n`), 1_000)
  try {
    await consumer.run({ handleSignals: true })
  } finally {
    meter.stop()
    stopWatch()
    clearTimeout(limit)
    clearInterval(progress)
  }
  const summary = meter.summary()
  await writeText(options.json ? `${JSON.stringify(summary)}\n` : table(summaryRows(summary)))
  if (!complete)
    throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', 'Interrupted: the figures are of what came until then')
}
