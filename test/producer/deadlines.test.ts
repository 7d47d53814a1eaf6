import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exponential } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import { DeliveryError } from '../../src/producer/delivery.ts'
import { type Identity, IdentityKeeper } from '../../src/producer/identity.ts'
import { Producer } from '../../src/producer/producer.ts'
import { until } from '../until.ts'
import { VirtualClock } from '../virtual-clock.ts'

const logger = new StderrLogger('silent', systemClock)

function failure(sent: Promise<unknown>): Promise<DeliveryError> {
  return sent.then(
    () => assert.fail('it was delivered'),
    error => {
      assert.ok(error instanceof DeliveryError)
      return error
    },
  )
}

/** The outcome, while the clock goes on. */
async function passing<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let over = false
  const done = () => {
    over = true
  }
  promise.then(done, done)
  await until('it is settled', async () => {
    if (!over) await clock.advance(5)
    return over
  })
  return await promise
}

test('what waited for room has no more time then than it was given when it was sent', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  const clock = new VirtualClock()
  const options = { brokers: broker.brokers, logger, bufferBytes: 1, deliveryTimeoutMs: 1_000, requestTimeoutMs: 1_000 }
  const producer = new Producer(options, { clock })
  await passing(clock, producer.send({ topic: 'orders', value: 'first' }))
  using slow = broker.fault({ api: 'Produce', count: 1, action: { delayMs: 100 } })
  using silence = broker.fault({ api: 'Produce', action: { noReply: true } })
  const before = clock.now()
  const first = producer.send({ topic: 'orders', value: 'a' })
  const waiting = failure(producer.send({ topic: 'orders', value: 'b' }))
  await passing(clock, slow.hit())
  assert.notEqual(producer.state().buffer.fullSince, null)
  await clock.advance(800 - (clock.now() - before))
  await first
  await passing(clock, silence.hit())
  assert.equal((await passing(clock, waiting)).written, 'unknown')
  assert.ok(clock.now() - before < 1_500, `it took ${clock.now() - before} ms`)
  await passing(clock, producer.close())
})

test('a producer that shares its client closes at once, and tells what is under way that nobody knows', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  const client = new NativeClient({ brokers: broker.brokers, logger })
  const producer = new Producer({ brokers: broker.brokers, client, logger })
  await producer.send({ topic: 'orders', value: 'first' })
  using silence = broker.fault({ api: 'Produce', action: { noReply: true } })
  const sent = failure(producer.send({ topic: 'orders', value: 'a' }))
  await silence.hit()
  await Promise.all([producer.close({ drainMs: 0 }), producer.close()])
  assert.deepEqual(await sent.then(({ code, written }) => [code, written]), ['CLOSED', 'unknown'])
  const after = await failure(producer.send({ topic: 'orders', value: 'b' }))
  assert.deepEqual([after.code, after.written], ['CLOSED', 'no'])
  assert.equal((await client.metadata(['orders'])).topics.size, 1)
  await client.close()
})

test('what no broker could be reached for is in no log, and says why', async () => {
  const producer = new Producer({ brokers: ['127.0.0.1:1'], logger, deliveryTimeoutMs: 200 })
  const error = await failure(producer.send({ topic: 'orders', value: 'a' }))
  assert.deepEqual([error.code, error.written, error.retriable], ['DELIVERY_TIMEOUT', 'no', true])
  assert.match(error.message, /127\.0\.0\.1:1/)
  await producer.close()
})

test('an error names the broker that refused', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  await using producer = new Producer({ brokers: broker.brokers, logger })
  using _ = broker.fault({ api: 'Produce', action: { error: 'INVALID_RECORD' } })
  const error = await failure(producer.send({ topic: 'orders', value: 'a' }))
  assert.deepEqual([error.code, error.written, error.topic, error.partition], ['INVALID_RECORD', 'no', 'orders', 0])
  assert.equal(error.broker, `${broker.brokers[0]} (node 1)`)
})

test('a message may name a partition that was added a moment ago', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  const clock = new VirtualClock()
  const producer = new Producer({ brokers: broker.brokers, logger }, { clock })
  await passing(clock, producer.send({ topic: 'orders', value: 'first' }))
  const client = new NativeClient({ brokers: broker.brokers, logger })
  const topics = [{ name: 'orders', count: 3, assignments: null }]
  await client.send('controller', 'CreatePartitions', { topics, timeoutMs: 5_000, validateOnly: false })
  await client.close()
  await clock.advance(2_000)
  const added = await passing(clock, producer.send({ topic: 'orders', partition: 2, value: 'a' }))
  assert.equal(added.partition, 2)
  const error = await passing(clock, failure(producer.send({ topic: 'orders', partition: 3, value: 'b' })))
  assert.equal(error.code, 'UNKNOWN_PARTITION')
  await passing(clock, producer.close())
})

test('without epochs left another producer id is asked for', async () => {
  const given: Identity[] = [
    { producerId: 7, epoch: 32_767 },
    { producerId: 8, epoch: 0 },
  ]
  let changes = 0
  const keeper = new IdentityKeeper({
    ask: async () => given.shift() as Identity,
    clock: systemClock,
    random: seededRandom(1),
    logger,
    backoff: exponential(1, 1),
    changed: () => changes++,
    failed: assert.fail,
  })
  assert.ok(keeper.current === null)
  await until('there is one', () => changes === 1)
  const first: Identity | null = (keeper as { readonly current: Identity | null }).current
  assert.ok(first !== null)
  keeper.renew({ producerId: 7, epoch: 1 })
  assert.equal(keeper.current, first)
  keeper.renew(first)
  assert.ok(keeper.current === null)
  await until('there is another', () => changes === 2)
  assert.deepEqual(keeper.current, { producerId: 8, epoch: 0 })
  await keeper.close()
})
