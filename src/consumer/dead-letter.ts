import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import { isTopicName } from '../base/topic-partition.ts'
import type { AnyMessage } from './claim.ts'
import { failureHeaders } from './failure-headers.ts'
import type { LetterSink } from './failure-sink.ts'

export interface DeadLetterOptions {
  /** Makes the topic where it does not exist, with as many partitions as the one that is consumed. Default false. */
  create?: boolean
}

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
): LetterSink {
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
    letter: (failure, { group, now, retryOf }) => {
      const { message } = failure
      const target = typeof topic === 'string' ? topic : chosen(topic, message)
      const { rawKey: key, rawValue: value } = message
      const again = retryOf(message.topic) !== null
      return { topic: target, key, value, headers: failureHeaders(failure, { group, now, again, dueAt: null }) }
    },
  }
}

/** @throws {OptionError} */
function chosen(topic: (message: AnyMessage) => string, message: AnyMessage): string {
  const target = topic(message)
  if (isTopicName(target)) return target
  throw new OptionError(`the function given to deadLetter answered ${describe(target)}, which is no name of a topic`)
}
