/**
 * Tests of a consumer made with Millrace, without a Kafka: the broker is in the test's own process.
 *
 *     node --test millrace.test.ts
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Consumer, exponential, NativeClient, string, writeBatch } from 'millrace'
import { Broker, HeldClock } from 'millrace/broker'

/** A test that waits in vain fails, and closes what it opened. */
const limit = { timeout: 10_000 }

/** What is tested: it charges each order. A real one would be in a file of its own. */
function makeShop({ brokers }: Broker, charge: (order: string) => void): Consumer {
  return new Consumer({
    brokers,
    group: 'shop',
    logLevel: 'silent',
    reconnect: { minMs: 5, maxMs: 50 },
    work: { attempts: 5, backoff: exponential(5, 50) },
    offsets: { commitIntervalMs: 10 },
  }).topic({ topic: 'orders', partitions: [0] }, { value: string }, ({ value }) => charge(value ?? ''))
}

/** Writes orders into the only partition. */
async function order({ brokers }: Broker, ...names: readonly string[]): Promise<void> {
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const client = new NativeClient({ brokers, logger: silent })
  const records = writeBatch(names.map(value => ({ value })))
  const [answer] = await client.produce([{ topic: 'orders', partition: 0, records }])
  await client.close()
  if (answer?.error) throw answer.error
}

/** Resolves when the shop has committed that it is done with everything before this offset. */
async function done(broker: Broker, offset: number, signal: AbortSignal): Promise<void> {
  while ((await broker.committed('shop'))[0]?.offset !== offset) await delay(5, undefined, { signal })
}

test('an order is charged again when the payment service fails, and the next one is charged once', limit, async t => {
  const broker = await Broker.start({ topics: { orders: 1 } })
  t.after(() => broker.close())
  const charged: string[] = []
  const shop = makeShop(broker, name => {
    charged.push(name)
    if (name === 'tea' && charged.filter(each => each === 'tea').length < 2) throw new Error('the service is busy')
  })
  t.after(() => shop.close())
  const run = shop.run()
  await order(broker, 'tea', 'flour')
  await done(broker, 2, t.signal)
  assert.deepEqual(charged.toSorted(), ['flour', 'tea', 'tea'])
  await shop.close()
  await run
})

test('orders are charged once while the broker refuses, is slow, and dies', limit, async t => {
  const broker = await Broker.start({ topics: { orders: 1 } })
  t.after(() => broker.close())
  const charged: string[] = []
  const shop = makeShop(broker, name => void charged.push(name))
  t.after(() => shop.close())
  const run = shop.run()
  const faults = [
    broker.fault({ api: 'Fetch', topic: 'orders', count: 2, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
    broker.fault({ api: 'Fetch', topic: 'orders', skip: 2, count: 1, action: { delayMs: 50 } }),
    broker.fault({ api: 'OffsetCommit', group: 'shop', count: 1, action: { drop: 'after' } }),
  ]
  await order(broker, 'tea', 'flour')
  for (const fault of faults) await fault.hit()
  await broker.stopNode(1)
  await broker.startNode(1)
  await order(broker, 'lamp')
  await done(broker, 3, t.signal)
  assert.deepEqual(charged, ['tea', 'flour', 'lamp'])
  await shop.close()
  await run
})

test('orders that expired before they were charged end the shop with an error', limit, async t => {
  const clock = new HeldClock()
  const broker = await Broker.start({
    clock,
    topics: { orders: { partitions: 1, config: { 'retention.ms': '3600000' } } },
  })
  t.after(() => broker.close())
  await order(broker, 'tea')
  const shop = makeShop(broker, () => {})
  const run = shop.run()
  await done(broker, 1, t.signal)
  await shop.close()
  await run
  await order(broker, 'flour', 'lamp')
  await clock.advance(2 * 3_600_000)
  await order(broker, 'kettle')
  await assert.rejects(makeShop(broker, () => {}).run(), { code: 'OFFSET_OUT_OF_RANGE' })
})
