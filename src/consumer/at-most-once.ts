import type { Clock } from '../base/clock.ts'
import { OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { CommitLoop } from '../offsets/commit-loop.ts'
import type { Decision, Failure, OnFailure } from '../work/failure.ts'
import type { BatchBy, Route } from '../work/route.ts'
import type { AnyMessage, Claim, Once } from './claim.ts'
import { isSink } from './failure-sink.ts'
import type { ResolvedOptions, ResolvedRouteWork } from './options.ts'

/**
 * Refuses what would have a message come again.
 *
 * @throws {OptionError}
 */
export function checkOnce(path: string, { attempts, onFailure }: ResolvedRouteWork, batchBy: BatchBy | null): void {
  const why = "offsets.mode 'at-most-once' hands no message to its handler twice"
  if (attempts > 1) throw new OptionError(`${path}.attempts must be 1, or left out, not ${attempts}: ${why}`)
  if (batchBy === 'route') {
    const begun = 'and when a partition moves, what its batches have of others is handled again'
    throw new OptionError(`batch() of ${path} must be by 'partition' or 'key', not 'route': ${why}, ${begun}`)
  }
  const again = onFailure === 'leave' || onFailure === 'hold'
  if (!again && !(isSink(onFailure) && onFailure.retryTopics !== undefined)) return
  const given = again ? `'${onFailure}'` : 'retryTopic()'
  throw new OptionError(
    `${path}.onFailure must be 'skip', 'stop', 'skip-and-stop', deadLetter(), park() or a function, not ${given}: ${why}`,
  )
}

/** How claims of a route are committed before their messages are handled; null: afterwards. */
export function once(
  { offsets, work }: ResolvedOptions,
  { batch }: Route<AnyMessage>,
  clock: Clock,
  commits: CommitLoop | null,
): Once | null {
  if (offsets.mode !== 'at-most-once' || commits === null) return null
  return {
    clock,
    handlers: work.concurrency * (batch?.messages ?? 1),
    // What comes of it is told by the loop's events; it rejects when that was closed.
    commit: claim => void commits.commit([claim]).catch(() => {}),
  }
}

/** Decisions, but that no message comes again: what was begun is over. */
export function onlyOnce(onFailure: OnFailure<AnyMessage>, logger: Logger): OnFailure<AnyMessage> {
  if (typeof onFailure !== 'function') return onFailure === 'stop' ? 'skip-and-stop' : onFailure
  return failure => {
    const answer = onFailure(failure)
    return typeof answer === 'string' ? over(answer, failure, logger) : decided(answer, failure, logger)
  }
}

async function decided(answer: PromiseLike<Decision>, failure: Failure<AnyMessage>, logger: Logger): Promise<Decision> {
  return over(await answer, failure, logger)
}

function over(decision: Decision, { message, error }: Failure<AnyMessage>, logger: Logger): Decision {
  if (decision === 'stop') return 'skip-and-stop'
  if (decision !== 'leave' && decision !== 'hold') return decision
  const { topic, partition, offset } = message
  const name = `${partitionName(topic, partition)} offset ${offset}`
  logger.error(
    { err: error, topic, partition, offset, decision },
    `${name} is lost: it failed, and is not to be handled again (offsets.mode is 'at-most-once', so '${decision}' is taken for 'skip')`,
  )
  return 'skip'
}

/** Says what of a claim that ends was committed and not done: nobody handles it again. */
export function tellLost(claim: Claim, logger: Logger): void {
  const { topic, partition, grant, done, committed } = claim
  if (grant === null || done < 0 || done >= committed) return
  logger.warn(
    { topic, partition, done, committed },
    `${partitionName(topic, partition)} was committed up to offset ${committed}, and not all from ${done} on is done: ` +
      "that does not come again (offsets.mode is 'at-most-once')",
  )
}
