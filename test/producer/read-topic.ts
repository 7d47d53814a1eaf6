import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import type { Message } from '../../src/records/message.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import type { RecordBatch } from '../../src/records/record-batch.ts'

const silent = new StderrLogger('silent', systemClock)

/** All batches of a topic, by partition, those of transactions that are open or aborted too. */
export async function readBatches(brokers: readonly string[], topic: string): Promise<Map<number, RecordBatch[]>> {
  const client = new NativeClient({ brokers, logger: silent })
  try {
    const batches = new Map<number, RecordBatch[]>()
    const partitions = (await client.metadata([topic])).topics.get(topic)?.partitions ?? []
    for (const { partition, leader } of partitions) {
      const found: RecordBatch[] = []
      batches.set(partition, found)
      let offset = 0
      for (let end = 1; offset < end; ) {
        const query = { topic, partition, offset, leaderEpoch: -1, maxBytes: 1 << 22 }
        const wait = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 22, isolation: 'read_uncommitted' } as const
        const answer = await client.fetch({ nodeId: leader, connection: 0, ...wait, partitions: [query] })
        const [fetched] = answer.partitions
        if (fetched === undefined || fetched.error !== null) throw fetched?.error ?? new Error('nothing was answered')
        end = fetched.highWatermark
        found.push(...fetched.batches)
        offset = (fetched.batches.at(-1)?.lastOffset ?? offset - 1) + 1
      }
    }
    return batches
  } finally {
    await client.close()
  }
}

/** All messages of a topic, partition by partition, those of transactions that are open or aborted too. */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
): Promise<Message<Buffer | null, Buffer | null>[]> {
  const messages: Message<Buffer | null, Buffer | null>[] = []
  for (const [partition, batches] of await readBatches(brokers, topic)) {
    const highWatermark = (batches.at(-1)?.lastOffset ?? -1) + 1
    for (const batch of batches) {
      const open = await openBatch(batch, { topic, partition, highWatermark, maxInflatedBytes: 1 << 24 })
      for (let message = open.next(); message !== null; message = open.next()) messages.push(message)
    }
  }
  return messages
}
