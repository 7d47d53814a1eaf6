import type { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { kafkaError } from '../protocol/error-codes.ts'
import type { ListOffsetsResponse } from '../protocol/messages.ts'
import { askLeaders } from './ask-leaders.ts'
import type { Question } from './call.ts'
import type { FoundOffset, Isolation, OffsetQuery } from './low-level-client.ts'
import { byTopic, epochOf, type Router } from './routing.ts'

const consumer = -1
/** Stands for the message with the largest timestamp (KIP-734), from this version on. */
const maxTimestamp = -3
const versionWithMaxTimestamp = 7

/** Finds offsets at each partition's leader (https://kafka.apache.org/protocol#The_Messages_ListOffsets). */
export function listOffsets(
  router: Router,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
): Promise<readonly FoundOffset[]> {
  return askLeaders(router, queries, {
    doing,
    failed,
    question: (asked, timeoutMs) => question(router, asked, isolation, timeoutMs),
  })
}

function question(
  { metadata }: Router,
  queries: readonly OffsetQuery[],
  isolation: Isolation,
  timeoutMs: number,
): Question<'ListOffsets', Map<string, FoundOffset>> {
  const topics = byTopic(queries, query => ({
    partitionIndex: query.partition,
    currentLeaderEpoch: epochOf(metadata, query),
    timestamp: query.timestamp,
  }))
  return {
    name: 'ListOffsets',
    body: () => ({ replicaId: consumer, isolationLevel: isolation === 'read_committed' ? 1 : 0, topics }),
    read: readAnswer,
    minVersion: queries.some(({ timestamp }) => timestamp === maxTimestamp) ? versionWithMaxTimestamp : undefined,
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

function doing({ topic, partition }: TopicPartition): string {
  return `finding an offset of ${partitionName(topic, partition)}`
}

function failed({ topic, partition }: OffsetQuery, error: MillraceError): FoundOffset {
  return { topic, partition, error, offset: -1, timestamp: -1, leaderEpoch: -1 }
}
