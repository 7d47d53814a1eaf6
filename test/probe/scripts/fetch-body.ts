import type { Requests } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import type { ProbeTopic } from '../probe.ts'

export type FetchBody = Encodable<Requests['Fetch']>
export type FetchPartition = Encodable<Requests['Fetch']['topics'][number]['partitions'][number]>

/** Fetches partition 0 from its start without waiting, unless told otherwise; named in both ways, for all versions. */
export function fetchBody(topic: ProbeTopic, partition: FetchPartition = {}, more: FetchBody = {}): FetchBody {
  const whole = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20, ...partition }
  const topics = [{ topic: topic.name, topicId: topic.id, partitions: [whole] }]
  return { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, topics, ...more }
}
