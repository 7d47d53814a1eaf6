import { systemClock } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import { headersBefore } from '../consumer/failure-headers.ts'
import { Producer } from '../producer/producer.ts'
import type { DeadLetter } from './dead-letter.ts'
import { type DeadLetterOptions, DeadLetterReader } from './dead-letter-reader.ts'
import { placeOf, readAll } from './dlq.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeObjects, writeText } from './output.ts'
import { Pace } from './pace.ts'
import { plural } from './plural.ts'
import { type ProducerFlags, writerOptions } from './producer-settings.ts'
import { table } from './table.ts'

export interface ReplayOptions extends DeadLetterOptions, ProducerFlags {
  /** Default: where each came from. */
  readonly to?: string
  readonly execute?: boolean
  /** Per second. */
  readonly rate?: number
  readonly json?: boolean
}

const CATCH_UP_MS = 100

/** `millrace dlq replay`: writes letters to where they came from, as they were, or shows how many it would write. */
export async function replayDeadLetters(topic: string, options: ReplayOptions): Promise<void> {
  const { execute = false, rate, json, to } = options
  const written = new Map<string, number>()
  let homeless = 0
  const pace = rate === undefined ? null : new Pace(rate, CATCH_UP_MS, systemClock)
  const producer = execute ? new Producer(writerOptions(options)) : null
  const reader = await DeadLetterReader.open(topic, dry(options), async (letter, { signal }) => {
    const target = to ?? letter.origin?.topic
    if (target === undefined) {
      homeless++
      return
    }
    if (producer !== null) {
      await pace?.take(1, signal)
      await write(producer, letter, target)
    }
    written.set(target, (written.get(target) ?? 0) + 1)
  })
  try {
    await readAll(reader, true)
  } finally {
    await producer?.close()
    const rows = [...written].sort()
    if (json) await writeObjects(rows.map(([target, letters]) => ({ topic: target, letters, done: execute })))
    else await writeText(table([['TOPIC', execute ? 'WRITTEN' : 'LETTERS'], ...rows]))
  }
  if (homeless > 0) {
    const text = `${plural(homeless, 'letter')} left out: what failed there does not say where it came from. Say where to with --to`
    throw new CommandError(exitCodes.failure, 'NO_ORIGIN', text)
  }
  if (!execute && !json) process.stderr.write('Nothing was written. Add --execute to write them.\n')
}

/** What is only shown is not committed. */
function dry({ group, ...options }: ReplayOptions): DeadLetterOptions {
  return group === undefined || !options.execute ? options : { ...options, group }
}

/** Into the partition that it came from, if it goes back there. */
async function write(producer: Producer, letter: DeadLetter, topic: string): Promise<void> {
  const { message, origin } = letter
  const { rawKey: key, rawValue: value } = message
  const partition = origin?.topic === topic ? (origin.partition ?? undefined) : undefined
  try {
    await producer.send({
      topic,
      key,
      value,
      headers: headersBefore(letter.message),
      ...(partition !== undefined && { partition }),
    })
  } catch (thrown) {
    const error = toError(thrown)
    const text = `The letter at ${placeOf(letter)} could not be written to ${topic}: ${error.message}. Those before it are written; go on from there`
    throw new CommandError(exitCodes.failure, 'NOT_WRITTEN', text, error)
  }
}
