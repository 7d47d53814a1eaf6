import type { TopicPartition } from '../../base/topic-partition.ts'
import { type Assignor, inOrder, subscribedTopics } from './assignor.ts'

/** Deals all partitions, in order of topic and number, to one member after the other, leaving out who is not subscribed. */
export const roundRobin: Assignor = {
  name: 'roundrobin',
  protocol: 'eager',
  assign(members, topics) {
    const sorted = inOrder(members)
    const assigned: TopicPartition[][] = sorted.map(() => [])
    let next = 0
    for (const { topic, partitions, subscribers } of subscribedTopics(sorted, topics)) {
      for (let partition = 0; partition < partitions; partition++) {
        const place = subscribers.find(each => each >= next) ?? (subscribers[0] as number)
        assigned[place]?.push({ topic, partition })
        next = place + 1
      }
    }
    return new Map(sorted.map(({ id }, place) => [id, assigned[place] ?? []]))
  },
}
