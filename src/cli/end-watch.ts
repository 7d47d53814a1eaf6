import { partitionName } from '../base/topic-partition.ts'
import type { Consumer } from '../consumer/consumer.ts'

const LOOK_MS = 50
/** Other members commit once a second, or less often. */
const ASK_MS = 500

/** What members of the group have done that this process cannot see in itself. */
interface Others {
  committed(): Promise<ReadonlyMap<string, number>>
}

/**
 * Calls `reached` once, when everything below these offsets is done. It looks at the state and not at messages, as holes and the markers
 * of transactions count too. What this consumer does not own, others must have committed. The answer stops watching.
 */
export function watchEnd(
  consumer: Consumer,
  ends: ReadonlyMap<string, number>,
  reached: () => void,
  others: Others | null,
): () => void {
  let timer: NodeJS.Timeout
  let stopped = false
  const look = async () => {
    const { partitions } = consumer.state()
    const done = new Map(partitions.map(state => [partitionName(state.topic, state.partition), state.done]))
    const open = [...ends].filter(([name, end]) => (done.get(name) ?? -1) < end)
    const asks = others !== null && open.length > 0 && open.every(([name]) => !done.has(name))
    const committed = asks ? await others.committed() : new Map<string, number>()
    if (stopped) return
    if (open.every(([name, end]) => (committed.get(name) ?? -1) >= end)) reached()
    else timer = setTimeout(look, asks ? ASK_MS : LOOK_MS)
  }
  timer = setTimeout(look, LOOK_MS)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
