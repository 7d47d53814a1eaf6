import type { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { kafkaError } from '../protocol/error-codes.ts'
import type { OffsetForLeaderEpochResponse } from '../protocol/messages.ts'
import { askLeaders } from './ask-leaders.ts'
import type { Question } from './call.ts'
import type { EpochEnd, EpochQuery } from './low-level-client.ts'
import { epochOf, type Router } from './routing.ts'

const consumer = -1
/** Before it, brokers answer only those who may do what brokers do among themselves (Kafka 2.3). */
const versionForConsumers = 3

/** Asks each partition's leader where epochs ended (KIP-320, https://kafka.apache.org/protocol#The_Messages_OffsetForLeaderEpoch). */
export function offsetsForLeaderEpoch(router: Router, queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]> {
  return askLeaders(router, queries, {
    doing,
    failed,
    question: (asked, timeoutMs) => question(router, asked, timeoutMs),
  })
}

function question(
  { metadata }: Router,
  queries: readonly EpochQuery[],
  timeoutMs: number,
): Question<'OffsetForLeaderEpoch', Map<string, EpochEnd>> {
  const topics = [...Map.groupBy(queries, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topic,
    partitions: partitions.map(query => ({
      partition: query.partition,
      currentLeaderEpoch: epochOf(metadata, query),
      leaderEpoch: query.leaderEpoch,
    })),
  }))
  return {
    name: 'OffsetForLeaderEpoch',
    body: () => ({ replicaId: consumer, topics }),
    read: readAnswer,
    minVersion: versionForConsumers,
    timeoutMs,
  }
}

function readAnswer(answer: OffsetForLeaderEpochResponse): Map<string, EpochEnd> {
  const found = new Map<string, EpochEnd>()
  for (const { topic, partitions } of answer.topics) {
    for (const { partition, errorCode, leaderEpoch, endOffset } of partitions) {
      const place = { topic, partition }
      const error = kafkaError(errorCode, doing(place), place)
      found.set(partitionName(topic, partition), { ...place, error, leaderEpoch, endOffset })
    }
  }
  return found
}

function doing({ topic, partition }: TopicPartition): string {
  return `finding the end of a leader epoch of ${partitionName(topic, partition)}`
}

function failed({ topic, partition }: EpochQuery, error: MillraceError): EpochEnd {
  return { topic, partition, error, leaderEpoch: -1, endOffset: -1 }
}
