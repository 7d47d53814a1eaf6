import type { TopicPartition } from '../base/topic-partition.ts'
import { ProtocolError } from '../protocol/protocol-error.ts'

/** Partitions of one topic, as the wire has them. */
export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** More than Kafka's largest clusters have: a member that names more is broken. */
const mostPartitions = 1_000_000

/** By topic and number, as Java writes what a member owns. */
export function byTopic(list: readonly TopicPartition[]): TopicPartitions[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of list) {
    const partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, [partition])
    else partitions.push(partition)
  }
  return [...topics.keys()].sort().map(topic => ({ topic, partitions: topics.get(topic)?.sort((a, b) => a - b) ?? [] }))
}

/** One by one, in the order they came. @throws {ProtocolError} when there are too many */
export function oneByOne(topics: Iterable<TopicPartitions>): TopicPartition[] {
  const list: TopicPartition[] = []
  for (const { topic, partitions } of topics) {
    if (list.length + partitions.length > mostPartitions) {
      throw new ProtocolError(`a member names more than ${mostPartitions} partitions`)
    }
    for (const partition of partitions) list.push({ topic, partition })
  }
  return list
}
