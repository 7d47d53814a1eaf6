import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { LowLevelClient } from '../../src/client/low-level-client.ts'
import { Producer } from '../../src/producer/producer.ts'

const topic = 'orders'
const partitions = Array.from({ length: 16 }, (_, partition) => partition)

test('sums and compression hold the event loop for a few batches only: a request goes with what is ready, others had their turn before the next', async () => {
  // Each look at the clock finds it two milliseconds later.
  let now = 0
  const slow: Clock = { ...systemClock, now: () => (now += 2) }
  const requests: { readonly batches: number; readonly turn: number }[] = []
  let turn = 0
  const count = () => {
    turn++
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  const client: Pick<LowLevelClient, 'metadata' | 'produce' | 'close'> = {
    metadata: async () => ({ clusterId: null, controller: 1, brokers: [], topics: new Map([[topic, known()]]) }),
    produce: async batches => {
      requests.push({ batches: batches.length, turn })
      return batches.map(({ partition }) => ({ topic, partition, error: null, baseOffset: 0, logAppendTime: -1 }))
    },
    close: async () => {},
  }
  // Nothing else of it is used.
  const producer = new Producer({ brokers: ['none:1'], acks: 1, client: client as LowLevelClient }, { clock: slow })
  const results = await producer.sendBatch(
    partitions.map(partition => ({ topic, partition, value: 'x'.repeat(1_000) })),
  )
  await producer.close()
  clearImmediate(counting)
  assert.ok(results.every(result => !(result instanceof Error)))
  assert.ok(Math.max(...requests.map(({ batches }) => batches)) < partitions.length / 2)
  assert.equal(new Set(requests.map(each => each.turn)).size, requests.length)
})

function known() {
  const place = { leader: 1, leaderEpoch: 0, replicas: [1], inSyncReplicas: [1], error: null }
  const all = partitions.map(partition => ({ partition, ...place }))
  return { topic, topicId: null, internal: false, partitions: all, error: null }
}
