import { sleep } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { errorCodes, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { ListOffsetsResponse } from '../protocol/messages.ts'
import type { Question } from './call.ts'
import type { FoundOffset, Isolation, OffsetQuery } from './low-level-client.ts'
import { byLeader, findLeaders, ofRequest, type Routed, type Router, whyLeaderless } from './routing.ts'

const consumer = -1
const minWaitMs = 100
const maxWaitMs = 1_000

/**
 * Asks each partition's leader (https://kafka.apache.org/protocol#The_Messages_ListOffsets). What may pass (a moved leader, a broken
 * connection) is asked again with new metadata until `requestTimeoutMs` is over; the answer then holds the last error. A partition
 * that the cluster does not know is not waited for.
 */
export async function listOffsets(
  router: Router,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
): Promise<readonly FoundOffset[]> {
  const { metadata, settings, signal } = router
  const { clock, requestTimeoutMs } = settings
  const deadline = clock.now() + requestTimeoutMs
  await findLeaders(metadata, queries, requestTimeoutMs)
  const found = queries.map(item => failed(item, whyLeaderless(metadata, item)))
  let open = queries.map((item, at) => ({ at, item }))
  for (let waitMs = minWaitMs; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
    const { routed, leaderless } = byLeader(metadata, open)
    for (const { at, item } of leaderless) found[at] = failed(item, whyLeaderless(metadata, item))
    const timeoutMs = Math.max(1, deadline - clock.now())
    await Promise.all(routed.map(request => askLeader(router, request, isolation, timeoutMs, found)))
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

async function askLeader(
  router: Router,
  { nodeId, entries }: Routed<OffsetQuery>,
  isolation: Isolation,
  timeoutMs: number,
  found: FoundOffset[],
): Promise<void> {
  let answers: Map<string, FoundOffset>
  try {
    const items = entries.map(entry => entry.item)
    answers = await router.ask(nodeId, question(router, items, isolation, timeoutMs))
  } catch (thrown) {
    const error = ofRequest(thrown)
    for (const { at, item } of entries) found[at] = failed(item, error)
    return
  }
  for (const { at, item } of entries) {
    const answer = answers.get(partitionName(item.topic, item.partition))
    found[at] = answer ?? failed(item, new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, doing(item), item))
  }
}

function question(
  { metadata }: Router,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
  timeoutMs: number,
): Question<'ListOffsets', Map<string, FoundOffset>> {
  const topics = [...Map.groupBy(queries, ({ topic }) => topic)].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ topic, partition, timestamp }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: metadata.leaderOf(topic, partition)?.leaderEpoch ?? -1,
      timestamp,
    })),
  }))
  return {
    name: 'ListOffsets',
    body: () => ({ replicaId: consumer, isolationLevel: isolation === 'read_committed' ? 1 : 0, topics }),
    read: readAnswer,
    timeoutMs,
  }
}

function readAnswer(answer: ListOffsetsResponse): Map<string, FoundOffset> {
  const found = new Map<string, FoundOffset>()
  for (const { name: topic, partitions } of answer.topics) {
    for (const { partitionIndex: partition, errorCode, offset, timestamp, leaderEpoch } of partitions) {
      const place = { topic, partition }
      const error = kafkaError(errorCode, doing(place), place)
      found.set(partitionName(topic, partition), { ...place, error, offset, timestamp: Number(timestamp), leaderEpoch })
    }
  }
  return found
}

function doing({ topic, partition }: { topic: string; partition: number }): string {
  return `finding an offset of ${partitionName(topic, partition)}`
}

function failed({ topic, partition }: OffsetQuery, error: MillraceError): FoundOffset {
  return { topic, partition, error, offset: -1, timestamp: -1, leaderEpoch: -1 }
}

function isUnknown(error: MillraceError | null | undefined): boolean {
  return error instanceof KafkaError && error.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
}
