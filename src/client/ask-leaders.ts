import { sleep } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { ApiName } from '../protocol/apis.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { Question } from './call.ts'
import { byLeader, findLeaders, ofRequest, type Routed, type Router, whyLeaderless } from './routing.ts'

const minWaitMs = 100
const maxWaitMs = 1_000

/** A request of which each leader answers the part that is about its partitions. */
export interface LeaderRequest<N extends ApiName, Q extends TopicPartition, A extends LeaderAnswer> {
  /** What is tried, for errors: `finding an offset of orders[3]`. */
  doing(place: TopicPartition): string
  /** The answers go by partition name. */
  question(queries: readonly Q[], timeoutMs: number): Question<N, Map<string, A>>
  failed(query: Q, error: MillraceError): A
}

export interface LeaderAnswer extends TopicPartition {
  readonly error: MillraceError | null
}

/**
 * Asks each partition's leader; the answers are in the order of the queries. What may pass (a moved leader, a broken connection) is
 * asked again with new metadata until `requestTimeoutMs` is over; the answer then holds the last error. A partition that the cluster
 * does not know is not waited for.
 */
export async function askLeaders<N extends ApiName, Q extends TopicPartition, A extends LeaderAnswer>(
  router: Router,
  queries: readonly Q[],
  request: LeaderRequest<N, Q, A>,
): Promise<readonly A[]> {
  const { metadata, settings, signal } = router
  const { clock, requestTimeoutMs } = settings
  const deadline = clock.now() + requestTimeoutMs
  await findLeaders(metadata, queries, requestTimeoutMs)
  const found = queries.map(item => request.failed(item, whyLeaderless(metadata, item)))
  let open = queries.map((item, at) => ({ at, item }))
  for (let waitMs = minWaitMs; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
    const { routed, leaderless } = byLeader(metadata, open)
    for (const { at, item } of leaderless) found[at] = request.failed(item, whyLeaderless(metadata, item))
    const timeoutMs = Math.max(1, deadline - clock.now())
    await Promise.all(routed.map(each => askLeader(router, each, request, timeoutMs, found)))
    const gone = new Set(leaderless.filter(({ at }) => isUnknown(found[at]?.error)))
    open = open.filter(entry => found[entry.at]?.error?.retriable && !gone.has(entry))
    if (open.length === 0 || clock.now() + waitMs >= deadline) break
    await sleep(clock, waitMs, signal)
    const topics = [...new Set(open.map(({ item }) => item.topic))]
    try {
      await metadata.refresh(topics, Math.max(1, deadline - clock.now()))
    } catch (thrown) {
      // The next round tells each partition what is wrong.
      signal.throwIfAborted()
      settings.logger.debug({ err: thrown }, 'metadata could not be refreshed')
    }
  }
  return found
}

async function askLeader<N extends ApiName, Q extends TopicPartition, A extends LeaderAnswer>(
  router: Router,
  { nodeId, entries }: Routed<Q>,
  request: LeaderRequest<N, Q, A>,
  timeoutMs: number,
  found: A[],
): Promise<void> {
  let answers: Map<string, A>
  try {
    const items = entries.map(entry => entry.item)
    answers = await router.ask(nodeId, request.question(items, timeoutMs))
  } catch (thrown) {
    const error = ofRequest(thrown)
    for (const { at, item } of entries) found[at] = request.failed(item, error)
    return
  }
  for (const { at, item } of entries) {
    const answer = answers.get(partitionName(item.topic, item.partition))
    const { topic, partition } = item
    const unknown = errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    found[at] = answer ?? request.failed(item, new KafkaError(unknown, request.doing(item), { topic, partition }))
  }
}

function isUnknown(error: MillraceError | null | undefined): boolean {
  return error instanceof KafkaError && error.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
}
