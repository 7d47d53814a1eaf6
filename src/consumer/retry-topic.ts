import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import { isTopicName } from '../base/topic-partition.ts'
import { type Failure, isDecision, Poison } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'
import { failureHeaders } from './failure-headers.ts'
import { type FailureDecision, isSink, type LetterSink } from './failure-sink.ts'

export interface RetryTier {
  /** How long a message waits in its topic. */
  delayMs: number
}

export interface RetryTopicOptions {
  /** Makes the topics where they do not exist, with as many partitions as the one that is consumed. Default false. */
  create?: boolean
  /** The name of a tier's topic; tiers count from 1. Default `GROUP.TOPIC.retry.TIER`. */
  name?: (names: { readonly group: string; readonly topic: string; readonly tier: number }) => string
  /**
   * Whether a message is tried again at all; for others `then` decides at once. Default: all but those whose handler threw `Poison`, and those
   * that could not be decoded, unless that error says that it is `retriable`.
   */
  when?: (failure: Failure<AnyMessage>) => boolean
}

const MOST_TIERS = 20
const LONGEST_MS = 2 ** 31 - 1

/**
 * Tries a message whose attempts are spent again later, out of the way of others: it is written to a topic where it waits until it is due, and
 * the same handler gets it from there; when it fails there too, it goes to the next tier's topic, and after the last one `then` decides. The
 * consumer reads these topics by itself, and a partition of them stands still until its next message is due.
 *
 * @throws {OptionError}
 */
export function retryTopic(
  tiers: readonly RetryTier[],
  then: FailureDecision,
  options: RetryTopicOptions = {},
): LetterSink {
  const delays = checkTiers(tiers)
  const section = new SectionCheck('retryTopic', options, ['create', 'name', 'when'])
  const create = section.oneOf('create', false, [false, true])
  const { name = defaultName, when = mayPass } = options
  if (typeof name !== 'function') throw section.wrong('name', 'a function that answers the name of a topic')
  if (typeof when !== 'function') throw section.wrong('when', 'a function of a failure')
  if (!isSink(then) && !isDecision(then)) {
    throw new OptionError(
      `retryTopic needs a decision, deadLetter() or park() for what fails in the last tier, not ${describe(then)}`,
    )
  }
  const topics = (group: string, topic: string) =>
    delays.map((_, at) => {
      const answer = name({ group, topic, tier: at + 1 })
      if (isTopicName(answer)) return answer
      throw new OptionError(
        `the topic of tier ${at + 1} for what fails of ${topic} would be ${describe(answer)}, which is no name of a topic`,
      )
    })
  return {
    name: `${delays.length} retry topics`,
    create: create || (isSink(then) && then.create),
    retryTopics: topics,
    topicsFor: (topic, group) => [...topics(group ?? '', topic), ...(isSink(then) ? then.topicsFor(topic, group) : [])],
    letter: (failure, { group, now, retryOf }) => {
      const { message } = failure
      const from = retryOf(message.topic)
      const at = from?.tier ?? 0
      const delayMs = delays[at]
      if (delayMs === undefined || !when(failure)) return then
      const topic = topics(group ?? '', from?.topic ?? message.topic)[at] as string
      const headers = failureHeaders(failure, { group, now, again: from !== null, dueAt: now + delayMs })
      return { topic, key: message.rawKey, value: message.rawValue, headers }
    },
  }
}

function checkTiers(tiers: readonly RetryTier[]): readonly number[] {
  if (!Array.isArray(tiers) || tiers.length === 0 || tiers.length > MOST_TIERS) {
    throw new OptionError(
      `retryTopic needs 1 to ${MOST_TIERS} tiers, such as [{ delayMs: 5_000 }, { delayMs: 60_000 }], not ${describe(tiers)}`,
    )
  }
  return tiers.map((tier, at) => {
    const section = new SectionCheck(`retryTopic tier ${at + 1}`, tier, ['delayMs'])
    return section.number('delayMs', Number.NaN, { min: 1, max: LONGEST_MS })
  })
}

function mayPass({ error, reason }: Failure<AnyMessage>): boolean {
  if (error instanceof Poison) return false
  return reason !== 'decode' || ('retriable' in error && error.retriable === true)
}

function defaultName({ group, topic, tier }: { group: string; topic: string; tier: number }): string {
  return `${group}.${topic}.retry.${tier}`
}
