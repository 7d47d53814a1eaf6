import type { MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { kafkaError } from '../protocol/error-codes.ts'
import type { DeleteRecordsResponse } from '../protocol/messages.ts'
import { askLeaders } from './ask-leaders.ts'
import type { Question } from './call.ts'
import { byTopic, type Router } from './routing.ts'

/** What lies before `before` is deleted; `'latest'` is the end, so all that consumers can read. */
export interface DeleteRecordsQuery extends TopicPartition {
  readonly before: number | 'latest'
}

export interface DeletedRecords extends TopicPartition {
  /** First offset that is there now; -1 when it failed. */
  readonly earliest: number
  readonly error: MillraceError | null
}

const highWatermark = -1

/** Has each partition's leader delete the beginning of its log (KIP-107, https://kafka.apache.org/protocol#The_Messages_DeleteRecords). */
export function deleteRecords(
  router: Router,
  queries: readonly DeleteRecordsQuery[],
): Promise<readonly DeletedRecords[]> {
  return askLeaders(router, queries, { doing, failed, question })
}

function question(
  queries: readonly DeleteRecordsQuery[],
  timeoutMs: number,
): Question<'DeleteRecords', Map<string, DeletedRecords>> {
  const topics = byTopic(queries, ({ partition, before }) => {
    return { partitionIndex: partition, offset: before === 'latest' ? highWatermark : before }
  })
  return {
    name: 'DeleteRecords',
    body: () => ({ topics, timeoutMs: Math.ceil(timeoutMs) }),
    read: readAnswer,
    timeoutMs,
  }
}

function readAnswer(answer: DeleteRecordsResponse): Map<string, DeletedRecords> {
  const deleted = new Map<string, DeletedRecords>()
  for (const { name: topic, partitions } of answer.topics) {
    for (const { partitionIndex: partition, errorCode, lowWatermark: earliest } of partitions) {
      const place = { topic, partition }
      deleted.set(partitionName(topic, partition), {
        ...place,
        earliest,
        error: kafkaError(errorCode, doing(place), place),
      })
    }
  }
  return deleted
}

function doing({ topic, partition }: TopicPartition): string {
  return `deleting messages of ${partitionName(topic, partition)}`
}

function failed({ topic, partition }: DeleteRecordsQuery, error: MillraceError): DeletedRecords {
  return { topic, partition, earliest: -1, error }
}
