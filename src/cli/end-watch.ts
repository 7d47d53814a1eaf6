import { partitionName } from '../base/topic-partition.ts'
import type { Consumer } from '../consumer/consumer.ts'

const LOOK_MS = 50

/**
 * Calls `reached` once, when everything below these offsets is done. It looks at the state and not at messages, as holes and the markers
 * of transactions count too. The answer stops watching.
 */
export function watchEnd(consumer: Consumer, ends: ReadonlyMap<string, number>, reached: () => void): () => void {
  const timer = setInterval(() => {
    const { partitions } = consumer.state()
    const done = new Map(partitions.map(state => [partitionName(state.topic, state.partition), state.done]))
    for (const [name, end] of ends) if ((done.get(name) ?? -1) < end) return
    clearInterval(timer)
    reached()
  }, LOOK_MS)
  return () => clearInterval(timer)
}
