import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { Consumer, NativeClient, type OffsetStorage, writeBatch } from '../../src/index.ts'
import { until } from '../until.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** A broker that takes connections and never says anything. */
async function silentBroker() {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
    sockets,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

// Deadlines are so long that whoever waits for one outlives the test's own.
const patient = { requestTimeoutMs: 3_600_000, connectTimeoutMs: 3_600_000 }

for (const group of [undefined, 'shop']) {
  test(`a broker that never answers does not keep a consumer from closing, ${group ? 'with' : 'without'} a group`, async () => {
    using broker = await silentBroker()
    const consumer = new Consumer({
      brokers: broker.brokers,
      ...patient,
      logger: quiet,
      ...(group === undefined ? {} : { group }),
    }).topic({ topic: 'orders', partitions: [0] }, () => {})
    const run = consumer.run()
    await until('it has asked', () => broker.sockets.size > 0)
    assert.equal(consumer.state().status, 'starting')
    assert.deepEqual(await consumer.close(), { drained: true, undone: 0 })
    await run
  })
}

test('neither do a shared client that waits for its broker and a storage that never answers', async () => {
  using broker = await silentBroker()
  const client = new NativeClient({ brokers: broker.brokers, ...patient, logger: quiet })
  const storage: OffsetStorage = { load: () => new Promise(() => {}), commit: () => new Promise(() => {}) }
  const consumer = new Consumer({
    brokers: broker.brokers,
    client,
    group: 'shop',
    offsets: { storage },
    logger: quiet,
  }).topic({ topic: 'orders', partitions: [0] }, () => {})
  const run = consumer.run()
  await until('it has asked', () => broker.sockets.size > 0)
  await consumer.close()
  await run
  await client.close()
})

test('closing again with drainMs 0 waits for no handler any more', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  const client = new NativeClient({ brokers: broker.brokers, logger: quiet })
  await client.metadata(['orders'])
  await client.produce([{ topic: 'orders', partition: 0, records: writeBatch([{ value: 'x' }]) }])
  await client.close()
  let handled = 0
  // By itself it would wait for the test's own deadline.
  const work = { abandonMs: 3_600_000 }
  const consumer = new Consumer({ brokers: broker.brokers, logger: quiet, work }).topic('orders', () => {
    handled++
    return new Promise(() => {})
  })
  const run = consumer.run()
  await until('a handler runs', () => handled === 1)
  const closed = consumer.close({ drainMs: 3_600_000 })
  void consumer.close({ drainMs: 0 })
  assert.deepEqual(await closed, { drained: false, undone: 1 })
  await run
})
