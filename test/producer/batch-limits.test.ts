import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { Producer } from '../../src/index.ts'
import { startClient } from '../client/recorder.ts'

/** How many messages each batch of a partition has. */
async function countsOf(broker: Broker, topic: string, partition: number): Promise<number[]> {
  await using client = startClient({ brokers: broker.brokers })
  await client.metadata([topic])
  const nodeId = await broker.leader(topic, partition)
  const maxBytes = 1 << 24
  const partitions = [{ topic, partition, offset: 0, leaderEpoch: -1, maxBytes }]
  const query = { nodeId, connection: 0, maxWaitMs: 0, minBytes: 0, maxBytes, isolation: 'read_uncommitted' } as const
  const answer = await client.fetch({ ...query, partitions })
  return answer.partitions.flatMap(({ batches }) => batches.map(({ count }) => count))
}

/** Of a topic with two partitions; what does not fill a batch waits for longer than any test may. */
function tens(broker: Broker): Producer {
  return new Producer({ brokers: broker.brokers, lingerMs: 3_600_000, batchMessages: 10 })
}

test('a batch of so many messages is sent at once, and none has more', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  await using producer = tens(broker)
  const sent = Array.from({ length: 25 }, (_, n) => producer.send({ topic: 'orders', value: String(n) }))
  await Promise.all(sent.slice(0, 20))
  const lingers = Symbol('it lingers')
  assert.equal(await Promise.race([sent[20], Promise.resolve(lingers)]), lingers)
  await producer.flush()
  const offsets = (await Promise.all(sent)).map(({ offset }) => offset)
  assert.deepEqual(offsets, [...offsets.keys()])
  assert.deepEqual(await countsOf(broker, 'orders', 0), [10, 10, 5])
})

test('without keys, a partition that got so many messages is followed by another draw', async () => {
  await using broker = await Broker.start({ topics: { orders: 2 } })
  await using producer = tens(broker)
  await producer.sendBatch(Array.from({ length: 400 }, () => ({ topic: 'orders', value: 'one' })))
  const counts = [...(await countsOf(broker, 'orders', 0)), ...(await countsOf(broker, 'orders', 1))]
  assert.deepEqual(
    counts,
    Array.from({ length: 40 }, () => 10),
  )
  assert.ok((await countsOf(broker, 'orders', 0)).length > 0)
  assert.ok((await countsOf(broker, 'orders', 1)).length > 0)
})
