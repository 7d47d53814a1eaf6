/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** For sorting: by topic, then by partition. */
export function comparePlaces(a: TopicPartition, b: TopicPartition): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}

/** `orders[3]`: how a partition is written in logs and errors, and its key in maps. Topic names hold no brackets. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}[${partition}]`
}

/** Whether Kafka takes it for the name of a topic. */
export function isTopicName(name: unknown): name is string {
  return typeof name === 'string' && /^[\w.-]{1,249}$/.test(name)
}
