import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FollowedTopics } from '../../src/ownership/group/followed-topics.ts'
import { type Match, Subscription } from '../../src/ownership/subscription.ts'

function setUp(...matches: Match[]) {
  const errors: string[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (_: unknown, message = '') => void errors.push(message) }
  const topics = new FollowedTopics(new Subscription(matches), logger)
  const look = (found: Readonly<Record<string, number>>) => {
    return topics.looked(Object.entries(found).map(([topic, partitions]) => ({ topic, route: 0, partitions })))
  }
  return { topics, look, errors }
}

test('what is named is subscribed to whether or not it exists, what a pattern matches while it does', () => {
  const { topics, look } = setUp('orders', /^audit\./)
  assert.deepEqual(topics.names, ['orders'])
  assert.equal(look({ 'audit.a': 1 }), 'topic audit.a appeared')
  assert.deepEqual(topics.names, ['orders', 'audit.a'])
  assert.equal(look({ 'audit.a': 1, orders: 3 }), 'topic orders appeared')
  assert.equal(look({ 'audit.a': 2, orders: 3 }), null)
  assert.equal(look({ orders: 3 }), 'topic audit.a vanished')
  assert.equal(look({}), 'topic orders vanished')
  assert.equal(look({}), null)
  assert.deepEqual(topics.names, ['orders'])
})

test('a partition was added when its topic was followed without it before', () => {
  const { topics, look } = setUp('orders', 'bills')
  look({ orders: 2 })
  look({ orders: 3, bills: 1 })
  const routed = topics.routed([0, 2, 3].map(partition => ({ topic: 'orders', partition })))
  assert.deepEqual(
    routed.map(({ partition, added }) => [partition, added]),
    [
      [0, false],
      [2, true],
      // The leader knows more than was seen here.
      [3, true],
    ],
  )
  assert.deepEqual(topics.routed([{ topic: 'bills', partition: 0 }])[0]?.added, false)
})

test('a topic that vanished and appears again is seen for the first time', () => {
  const { topics, look } = setUp(/./)
  look({ orders: 1 })
  look({})
  look({ orders: 2 })
  assert.deepEqual(topics.routed([{ topic: 'orders', partition: 1 }])[0]?.added, false)
})

test('what no route wants is left out and told; what the leader saw first is routed all the same', () => {
  const { topics, errors } = setUp('orders', /^audit\./)
  assert.deepEqual(
    topics.routed([
      { topic: 'bills', partition: 0 },
      { topic: 'audit.new', partition: 4 },
    ]),
    [{ topic: 'audit.new', partition: 4, route: 1, added: false }],
  )
  assert.deepEqual(errors, ['bills was assigned, and no route wants it: it is left alone'])
})
