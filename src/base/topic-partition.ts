/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `orders[3]`: how a partition is written in logs and errors, and its key in maps. Topic names hold no brackets. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}[${partition}]`
}
