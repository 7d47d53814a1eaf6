import type { FetchAnswer, FetchPartition, LowLevelClient } from '../../src/index.ts'
import { silent } from '../log.ts'
import type { Task } from '../measurement.ts'
import type { Pass } from './pass.ts'
import { millrace, records } from './source.ts'

const MIB = 1024 * 1024

/** Below the four managers: fetch, checksum, decode. The difference to a handler is what work and offsets cost. */
export async function readRecords(task: Task, pass: Pass): Promise<void> {
  const client = new millrace.NativeClient({ brokers: task.brokers, clientId: 'bench', logger: silent })
  try {
    const metadata = await client.metadata([task.topic])
    const places = metadata.topics.get(task.topic)?.partitions ?? []
    const nodeId = places[0]?.leader ?? -1
    if (places.some(place => place.leader !== nodeId)) throw new Error('This reads from one broker only')
    const positions = places.map(place => ({ topic: task.topic, partition: place.partition, offset: 0 }))
    let seen = 0
    let next = fetchAll(client, nodeId, positions)
    while (seen < task.messages) {
      const answer = await next
      for (const part of answer.partitions) {
        const last = part.batches.at(-1)
        const position = positions.find(({ partition }) => partition === part.partition)
        if (last && position) position.offset = last.lastOffset + 1
      }
      // The next one is under way while this one is decoded.
      next = fetchAll(client, nodeId, positions)
      next.catch(() => {})
      seen += await touch(answer, pass)
    }
    await pass.done
  } finally {
    await client.close()
  }
}

function fetchAll(
  client: LowLevelClient,
  nodeId: number,
  positions: readonly Pick<FetchPartition, 'topic' | 'partition' | 'offset'>[],
): Promise<FetchAnswer> {
  const partitions = positions.map(position => ({ ...position, leaderEpoch: -1, maxBytes: MIB }))
  const limits = { maxWaitMs: 500, minBytes: 1, maxBytes: 16 * MIB }
  return client.fetch({ nodeId, connection: 0, isolation: 'read_committed', ...limits, partitions })
}

async function touch(answer: FetchAnswer, pass: Pass): Promise<number> {
  let seen = 0
  for (const { topic, partition, batches, highWatermark } of answer.partitions) {
    for (const batch of batches) {
      const open = await records.openBatch(batch, { topic, partition, highWatermark, maxInflatedBytes: 64 * MIB })
      for (let message = open.next(); message !== null; message = open.next()) {
        pass.add(message.value?.length ?? 0)
        seen += 1
      }
    }
  }
  return seen
}
