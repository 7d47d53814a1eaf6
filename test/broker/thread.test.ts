import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker, ClosedError, HeldClock, OptionError } from '../../src/broker/index.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

const askOffset = requestFrame('ListOffsets', 5, {
  replicaId: -1,
  topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
})

test('a broker in a thread has the same face as one in process', async () => {
  await using broker = await Broker.start({ thread: true, nodes: 2, topics: { orders: 2 } })
  assert.equal(broker.brokers.length, 2)
  await broker.createTopic('payments', { partitions: 3, replicas: 2 })
  assert.equal(await broker.leader('payments', 0), 1)
  assert.equal(await broker.moveLeader('payments', 0), 2)
  await assert.rejects(broker.leader('nothing', 0), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await assert.rejects(broker.stopNode(3), OptionError)
  assert.equal((await broker.group('shop').now()).state, 'Dead')
  assert.deepEqual(await broker.committed('shop'), [])
  await broker.stopNode(1)
  await broker.startNode(1)
})

test('a fault is set in the thread when the call returns, and the log of requests is read at once', async () => {
  await using broker = await Broker.start({ thread: true, topics: { orders: 1 } })
  using client = await RawConnection.to(broker.brokers[0] ?? '')
  const told: string[] = []
  const stop = broker.onRequest(request => told.push(`${request.api} ${request.errors}`))
  using fault = broker.fault({ api: 'ListOffsets', count: 1, action: { error: 'NOT_LEADER_OR_FOLLOWER' } })
  assert.equal(fault.hits, 0)
  await client.exchange(askOffset)
  await fault.hit()
  assert.equal(fault.hits, 1)
  await client.exchange(askOffset)
  stop()
  await client.exchange(askOffset)
  assert.deepEqual(
    broker.requests.map(({ errors }) => errors),
    [['NOT_LEADER_OR_FOLLOWER'], [], []],
  )
  assert.deepEqual(told, ['ListOffsets NOT_LEADER_OR_FOLLOWER', 'ListOffsets '])
})

test('what cannot cross to a thread is refused with a clear error', async () => {
  await assert.rejects(Broker.start({ thread: true, clock: new HeldClock() }), /^OptionError: clock cannot be set/)
  await assert.rejects(Broker.start({ thread: true, topics: { 'a b': 1 } }), { code: 'INVALID_TOPIC_EXCEPTION' })
  await using broker = await Broker.start({ thread: true })
  assert.throws(() => broker.fault({ when: () => true, action: { observe: true } }), /fault.when is a function/)
  assert.throws(() => broker.fault({ api: 'Fetch', action: { reply: answer => answer } }), /reply is a function/)
  assert.throws(() => broker.fault({ api: 'Fetch', action: { delayMs: -1 } }), OptionError)
})

test('closing ends the thread and rejects whoever waits', async () => {
  const broker = await Broker.start({ thread: true })
  const fault = broker.fault({ action: { observe: true } })
  const hit = fault.hit(2)
  const stopTelling = broker.onRequest(() => {})
  const stable = broker.group('shop').until('Stable')
  const rejected = Promise.all([assert.rejects(hit, ClosedError), assert.rejects(stable, ClosedError)])
  await broker.close()
  await rejected
  await assert.rejects(broker.leader('orders', 0), ClosedError)
  assert.throws(() => broker.requests, ClosedError)
  fault.remove()
  stopTelling()
  assert.equal(fault.hits, 0)
})
