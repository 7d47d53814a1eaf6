import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import { isTopicName } from '../base/topic-partition.ts'
import type { Bytes } from '../records/batch-builder.ts'
import type { Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'
import type { FailureSink } from './failure-sink.ts'

export interface DeadLetterOptions {
  /** Makes the topic where it does not exist, with as many partitions as the one that is consumed. Default false. */
  create?: boolean
}

/** Of an error's message; a stack of nested ones may be long. */
const MOST_CHARACTERS = 2_000
/** Begins the names of all headers that are added. */
const PREFIX = 'millrace.'

/**
 * Writes a message whose attempts are spent to another topic, and counts it as done once all replicas in sync have it; if that fails it is
 * held, and tried again. `topic`: its name, or a function of the message that failed. Key, value and headers stay as they were; headers
 * `millrace.*` say where it came from and why it failed.
 *
 * @throws {OptionError}
 */
export function deadLetter(
  topic: string | ((message: AnyMessage) => string),
  options: DeadLetterOptions = {},
): FailureSink {
  const create = new SectionCheck('deadLetter', options, ['create']).oneOf('create', false, [false, true])
  if (typeof topic !== 'function' && !isTopicName(topic)) {
    throw new OptionError(
      `deadLetter needs the name of a topic, or a function that answers one, not ${describe(topic)}`,
    )
  }
  return {
    name: typeof topic === 'string' ? topic : 'a dead-letter topic',
    create,
    topicsFor: () => (typeof topic === 'string' ? [topic] : []),
    keep: async (failure, { group, send }) => {
      const { message } = failure
      const target = typeof topic === 'string' ? topic : topic(message)
      if (!isTopicName(target)) {
        throw new OptionError(
          `the function given to deadLetter answered ${describe(target)}, which is no name of a topic`,
        )
      }
      const { rawKey: key, rawValue: value } = message
      await send({ topic: target, key, value, headers: headersOf(failure, group) })
    },
  }
}

/** Those of the message, and where it came from; what an earlier failure said of itself is replaced. */
function headersOf(
  { message, error, attempts, reason }: Failure<AnyMessage>,
  group: string | null,
): readonly (readonly [string, Bytes])[] {
  const { topic, partition, offset, timestamp } = message
  const own: readonly (readonly [string, string])[] = [
    ['topic', topic],
    ['partition', String(partition)],
    ['offset', String(offset)],
    ['timestamp', String(timestamp)],
    ...(group === null ? [] : ([['group', group]] as const)),
    ['attempts', String(attempts)],
    ['reason', reason],
    ['error.class', error.constructor.name],
    ['error.message', error.message.slice(0, MOST_CHARACTERS)],
    ['failed.at', new Date().toISOString()],
  ]
  const kept = message.headers.raw.filter(([name]) => !name.startsWith(PREFIX))
  return [...kept, ...own.map(([name, text]) => [PREFIX + name, text] as const)]
}
