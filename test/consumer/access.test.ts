import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AclOptions, Broker } from '../../src/broker/index.ts'
import { Consumer, type ConsumerOptions } from '../../src/index.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const principal = 'User:ANONYMOUS'
const read = (topic: NonNullable<AclOptions['topic']>): AclOptions => ({ principal, operation: 'Read', topic })
const join: AclOptions = { principal, operation: 'Read', group: 'shop' }

/** A cluster of two topics with a hundred messages each; then the rules count. */
async function guarded(acls: readonly AclOptions[]): Promise<Broker> {
  const broker = await Broker.start({ topics: { orders: 1, payments: 1 } })
  const producer = new TestProducer(broker.brokers)
  const messages = Array.from({ length: 100 }, (_, n) => ({ key: `${n}`, value: `${n}` }))
  for (const topic of ['orders', 'payments']) await producer.write(topic, messages, {})
  await broker.setAcls(acls)
  return broker
}

function options(broker: Broker, more: Partial<ConsumerOptions> = {}): ConsumerOptions {
  return { brokers: broker.brokers, group: 'shop', logLevel: 'silent', ...more }
}

/** At joining, or at the offsets of the group: whichever asks first. */
const groupRefused = /^GROUP_(AUTHORIZATION_FAILED|NOT_AUTHORIZED)$/

const refusals: readonly [what: string, acls: readonly AclOptions[], code: RegExp, names: RegExp][] = [
  [
    'a topic that it may only know of',
    [{ ...read('orders'), operation: 'Describe' }, join],
    /^TOPIC_AUTHORIZATION_FAILED$/,
    /orders/,
  ],
  ['a topic that it may not even know of', [read('payments'), join], /^TOPIC_AUTHORIZATION_FAILED$/, /orders/],
  ['a group that it may not read', [read('orders')], groupRefused, /shop/],
]
for (const [what, acls, code, names] of refusals) {
  test(`a consumer of ${what} ends with an error that says so`, async () => {
    await using broker = await guarded(acls)
    const consumer = new Consumer(options(broker)).topic('orders', () => {})
    await using run = running(consumer)
    await run.ended
    assert.ok(run.error !== null && 'code' in run.error)
    assert.match(String(run.error.code), code)
    assert.match(run.error.message, names)
    assert.deepEqual(await broker.committed('shop'), [])
  })
}

test('without a group, nothing is asked of groups', async () => {
  await using broker = await guarded([read('orders')])
  let handled = 0
  const consumer = new Consumer({ brokers: broker.brokers, logLevel: 'silent' }).topic('orders', () => {
    handled += 1
  })
  await using _run = running(consumer)
  await until('all is handled', () => handled === 100)
})

test('a pattern is consumed without what may not be known of', async () => {
  await using broker = await guarded([read('orders'), join])
  const seen = new Map<string, number>()
  const consumer = new Consumer(options(broker)).topic(/./, ({ topic }) => {
    seen.set(topic, (seen.get(topic) ?? 0) + 1)
  })
  await using run = running(consumer)
  await until('all of one is handled', () => seen.get('orders') === 100)
  assert.deepEqual([...seen.keys()], ['orders'])
  assert.equal(run.error, null)
})

test('a right that is taken away ends a consumer that runs, and no commit passes what is done', async () => {
  await using broker = await guarded([read('orders'), join])
  const handled: number[] = []
  const consumer = new Consumer(options(broker, { offsets: { commitIntervalMs: 20 } })).topic(
    'orders',
    ({ offset }) => {
      handled.push(offset)
    },
  )
  await using run = running(consumer)
  const committed = async () => (await broker.committed('shop'))[0]?.offset ?? 0
  await until('it is committed', async () => (await committed()) === 100)
  await broker.setAcls([join])
  await run.ended
  assert.ok(run.error !== null && 'code' in run.error)
  assert.equal(run.error.code, 'TOPIC_AUTHORIZATION_FAILED')
  assert.match(run.error.message, /orders/)
  assert.equal(handled.length, 100)
  assert.equal(await committed(), 100)
})

test('when the group is taken away, the consumer ends with that error', async () => {
  await using broker = await guarded([read('orders'), join])
  let handled = 0
  const ownership = { heartbeatIntervalMs: 100 }
  const consumer = new Consumer(options(broker, { ownership })).topic('orders', () => {
    handled += 1
  })
  await using run = running(consumer)
  await until('all is handled', () => handled === 100)
  await broker.setAcls([read('orders')])
  await run.ended
  assert.ok(run.error !== null && 'code' in run.error)
  assert.match(String(run.error.code), groupRefused)
})
