import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import type { Message } from '../../src/records/message.ts'
import { openBatch } from '../../src/records/open-batch.ts'

const silent = new StderrLogger('silent', systemClock)

/** All messages of a topic, partition by partition, those of transactions that are open or aborted too. */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
): Promise<Message<Buffer | null, Buffer | null>[]> {
  const client = new NativeClient({ brokers, logger: silent })
  try {
    const messages: Message<Buffer | null, Buffer | null>[] = []
    const partitions = (await client.metadata([topic])).topics.get(topic)?.partitions ?? []
    for (const { partition, leader } of partitions) {
      let offset = 0
      for (let end = 1; offset < end; ) {
        const query = { topic, partition, offset, leaderEpoch: -1, maxBytes: 1 << 22 }
        const wait = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 22, isolation: 'read_uncommitted' } as const
        const answer = await client.fetch({ nodeId: leader, connection: 0, ...wait, partitions: [query] })
        const [fetched] = answer.partitions
        if (fetched === undefined || fetched.error !== null) throw fetched?.error ?? new Error('nothing was answered')
        end = fetched.highWatermark
        for (const batch of fetched.batches) {
          const open = await openBatch(batch, { topic, partition, highWatermark: end, maxInflatedBytes: 1 << 24 })
          for (let message = open.next(); message !== null; message = open.next()) messages.push(message)
          offset = batch.lastOffset + 1
        }
      }
    }
    return messages
  } finally {
    await client.close()
  }
}
