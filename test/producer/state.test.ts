import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { Broker } from '../../src/broker/index.ts'
import { Producer, type Serializer } from '../../src/index.ts'
import { until } from '../until.ts'

let broker: Broker
before(async () => {
  broker = await Broker.start({ topics: { orders: 2, audit: 1 } })
})
after(() => broker.close())

const quiet = { logLevel: 'silent' } as const
const told = (sent: Promise<unknown>) => sent.catch(error => error)

test('what is under way, and what waits for its turn, is told partition by partition', async () => {
  await using producer = new Producer({ ...quiet, brokers: broker.brokers, maxInFlight: 1, requestTimeoutMs: 300 })
  await producer.send({ topic: 'audit', value: 'first' })
  const began = Date.now()
  const stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
  const sent = [told(producer.send({ topic: 'orders', partition: 1, value: 'x' }))]
  await stalled.hit()
  sent.push(
    told(
      producer.sendBatch([
        { topic: 'orders', partition: 1, value: 'y' },
        { topic: 'orders', partition: 1, value: 'z' },
      ]),
    ),
  )
  const { partitions, requests, buffer, identity, transaction, status, delivered } = producer.state()
  assert.deepEqual(
    partitions.map(({ topic, partition, leader, messages, waiting, underWay }) => ({
      topic,
      partition,
      leader,
      messages,
      waiting,
      underWay,
    })),
    [{ topic: 'orders', partition: 1, leader: 1, messages: 3, waiting: 1, underWay: 1 }],
  )
  assert.ok(Math.abs((partitions[0]?.since ?? 0) - began) < 60_000)
  assert.deepEqual(requests, [{ nodeId: 1, inFlight: 1 }])
  assert.ok(buffer.bytes > 0 && buffer.limit === 64 * 1024 * 1024 && buffer.fullSince === null)
  assert.match(identity?.producerId ?? '', /^\d+$/)
  assert.deepEqual([transaction, status, delivered], [null, 'open', 1])
  await until('an attempt has failed', () => producer.state().partitions[0]?.cause !== null)
  assert.match(producer.state().partitions[0]?.cause ?? '', /no answer to Produce|is silent/)
  stalled[Symbol.dispose]()
  await Promise.all(sent)
  const after = producer.state()
  assert.deepEqual([after.partitions, after.requests, after.buffer.bytes, after.delivered], [[], [], 0, 4])
})

test('what waits for its topic, for room or for its serde is told with the reason', async () => {
  const never: Serializer<unknown> = { serialize: () => new Promise(() => {}) }
  const producer = new Producer({
    ...quiet,
    brokers: broker.brokers,
    bufferBytes: 3_000,
    batchBytes: 1_000,
    topics: { audit: { value: never } },
  })
  await producer.send({ topic: 'orders', value: 'first' })
  const stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
  const sent = [
    ...Array.from({ length: 5 }, () =>
      told(producer.send({ topic: 'orders', partition: 0, value: Buffer.alloc(1_000) })),
    ),
    told(producer.send({ topic: 'missing', value: 'x' })),
    told(producer.send({ topic: 'audit', value: 'x' })),
  ]
  await stalled.hit()
  await until('why it is missing is known', () => producer.state().waiting.some(({ cause }) => cause !== null))
  const { waiting, buffer } = producer.state()
  assert.deepEqual(waiting.map(wait => [wait.topic, wait.for, wait.messages]).sort(), [
    ['audit', 'serde', 1],
    ['missing', 'topic', 1],
    ['orders', 'room', 3],
  ])
  assert.match(waiting.find(({ topic }) => topic === 'missing')?.cause ?? '', /missing/)
  assert.ok(waiting.every(({ since }) => Math.abs(since - Date.now()) < 60_000))
  assert.ok(Math.abs((buffer.fullSince ?? 0) - Date.now()) < 60_000)
  const closed = producer.close({ drainMs: 1 })
  assert.equal(producer.state().status, 'closing')
  await closed
  await Promise.all(sent)
  const { status, failed, lastFailure, buffer: left, waiting: none } = producer.state()
  assert.deepEqual([status, failed, left.bytes, left.fullSince, none], ['closed', 7, 0, null, []])
  assert.equal(lastFailure?.error.code, 'CLOSED')
  stalled[Symbol.dispose]()
})

test('what fails is counted, and the last one is kept', async () => {
  await using producer = new Producer({ ...quiet, brokers: broker.brokers })
  await told(producer.send({ topic: 'orders', partition: 9, value: 'x' }))
  await told(producer.send({ topic: 'orders', timestamp: Number.NaN, value: 'x' }))
  using _ = broker.fault({ api: 'Produce', count: 1, action: { error: 'INVALID_RECORD' } })
  await told(producer.send({ topic: 'orders', value: 'x' }))
  const { failed, delivered, lastFailure } = producer.state()
  assert.deepEqual([failed, delivered, lastFailure?.error.code], [3, 0, 'INVALID_RECORD'])
})

test('how it stands with the transaction is told', async () => {
  const options = { ...quiet, brokers: broker.brokers, transactionalId: 'told' }
  await using producer = new Producer(options)
  const status = () => producer.state().transaction?.status
  assert.equal(status(), 'none')
  await producer
    .transaction(async tx => {
      assert.equal(status(), 'open')
      await told(tx.send({ topic: 'orders', partition: 9, value: 'x' }))
      assert.equal(status(), 'broken')
      assert.match(producer.state().transaction?.cause ?? '', /none is 9/)
    })
    .catch(() => {})
  await using other = new Producer(options)
  await other.transaction(tx => tx.send({ topic: 'orders', value: 'x' }))
  await told(producer.transaction(tx => tx.send({ topic: 'orders', value: 'x' })))
  assert.equal(status(), 'fenced')
})

test('the state holds no secret', async () => {
  const users = { shop: 's3cret-Pencil' }
  await using guarded = await Broker.start({ sasl: { users }, topics: { orders: 1 } })
  const sasl = { mechanism: 'PLAIN', username: 'shop', password: users.shop } as const
  await using producer = new Producer({ ...quiet, brokers: guarded.brokers, sasl })
  await producer.send({ topic: 'orders', value: 'x' })
  const shown = inspect(producer.state(), { depth: 20, showHidden: true }) + JSON.stringify(producer.state())
  assert.match(shown, /orders|127\.0\.0\.1/)
  assert.doesNotMatch(shown, /s3cret/)
})
