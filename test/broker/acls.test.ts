import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AclOptions, Broker, type BrokerOptions, HeldClock } from '../../src/broker/index.ts'
import { aclSettings } from '../../src/broker/security/acl.ts'
import { Acls } from '../../src/broker/security/acls.ts'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { until } from '../until.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'
import { authenticate, handshake, plain } from './sasl-client.ts'

const asker = (name: string, host = '127.0.0.1') => ({ session: { principal: `User:${name}` }, host })
const acls = (rules: readonly AclOptions[], superUsers: readonly string[] = []) =>
  new Acls(aclSettings(rules), superUsers)
const alice = 'User:alice'

test('without rules everything is allowed, and with none in the list nothing is', () => {
  assert.ok(new Acls(null, []).allows(asker('alice'), 'Write', 'topic', 'orders'))
  assert.ok(!acls([]).allows(asker('alice'), 'Describe', 'topic', 'orders'))
  assert.ok(acls([], [alice]).allows(asker('alice'), 'Write', 'topic', 'orders'))
})

test('a rule is about its principal, host, type, name and operation', () => {
  const rules = acls([
    { principal: alice, operation: 'Read', topic: 'orders' },
    { principal: alice, operation: 'Read', topic: { prefix: 'audit.' } },
    { principal: 'User:*', operation: 'Describe', topic: '*' },
    { principal: alice, operation: 'Read', group: '*', host: '10.0.0.1' },
    { principal: alice, operation: 'Create', cluster: true },
  ])
  const may = (operation: AclOptions['operation'], topic: string, who = asker('alice')) =>
    rules.allows(who, operation, 'topic', topic)
  assert.ok(may('Read', 'orders') && may('Read', 'audit.') && may('Read', 'audit.logins'))
  assert.ok(!may('Read', 'orders2') && !may('Read', 'audit') && !may('Read', 'order'))
  assert.ok(!may('Write', 'orders') && !may('Read', 'orders', asker('bob')))
  assert.ok(may('Describe', 'anything', asker('bob')))
  assert.ok(!rules.allows(asker('alice'), 'Read', 'group', 'orders'))
  assert.ok(rules.allows(asker('alice', '10.0.0.1'), 'Read', 'group', 'orders'))
  assert.ok(rules.allows(asker('alice'), 'Create', 'cluster') && !rules.allows(asker('alice'), 'Alter', 'cluster'))
  assert.ok(!rules.allows(asker('alice'), 'Read', 'group', 'audit.x'))
})

test('denial wins, and denies that operation only; what includes another allows it too', () => {
  const rules = acls([
    { principal: alice, operation: 'All', topic: '*' },
    { principal: alice, operation: 'Describe', topic: 'secret', permission: 'deny' },
    { principal: 'User:bob', operation: 'AlterConfigs', topic: 'orders' },
    { principal: 'User:bob', operation: 'Delete', topic: 'orders' },
    { principal: 'User:bob', operation: 'All', topic: 'closed', permission: 'deny' },
    { principal: 'User:bob', operation: 'Read', topic: 'closed' },
  ])
  assert.ok(!rules.allows(asker('alice'), 'Describe', 'topic', 'secret'))
  assert.ok(rules.allows(asker('alice'), 'Read', 'topic', 'secret'))
  assert.ok(rules.allows(asker('bob'), 'Describe', 'topic', 'orders'))
  assert.ok(rules.allows(asker('bob'), 'DescribeConfigs', 'topic', 'orders'))
  assert.ok(!rules.allows(asker('bob'), 'Alter', 'topic', 'orders'))
  assert.ok(!rules.allows(asker('bob'), 'Read', 'topic', 'closed'))
})

test('whether something of a type is allowed counts what denials leave', () => {
  const some = (...rules: AclOptions[]) => acls(rules).allowsSome(asker('alice'), 'Write', 'topic')
  const allow = (topic: NonNullable<AclOptions['topic']>): AclOptions => ({
    principal: alice,
    operation: 'Write',
    topic,
  })
  const deny = (topic: NonNullable<AclOptions['topic']>): AclOptions => ({ ...allow(topic), permission: 'deny' })
  assert.ok(some(allow('a')) && some(allow('*')) && some(allow({ prefix: 'a' })))
  assert.ok(!some() && !some({ principal: alice, operation: 'Read', topic: '*' }))
  assert.ok(!some(allow('a'), deny('a')) && !some(allow('ab'), deny({ prefix: 'a' })) && !some(allow('a'), deny('*')))
  assert.ok(some(allow('a'), deny('b')) && some(allow('*'), deny('a')) && some(allow({ prefix: 'a' }), deny('a')))
  assert.ok(
    !some(allow({ prefix: 'ab' }), deny({ prefix: 'a' })) && some(allow({ prefix: 'a' }), deny({ prefix: 'ab' })),
  )
})

const wrong: readonly [options: object, message: RegExp][] = [
  [{ acls: {} }, /^acls must be a list of access rules/],
  [{ acls: ['alice'] }, /^acls\[0\] must be an object, not 'alice'/],
  [
    { acls: [{ principal: alice, operation: 'Read' }] },
    /^acls\[0\] must have one of topic, group, cluster, transactionalId, not none/,
  ],
  [
    { acls: [{ principal: alice, operation: 'Read', topic: 'a', group: 'b' }] },
    /^acls\[0\] must have one of .*, not topic and group/,
  ],
  [
    { acls: [{ principal: 'alice', operation: 'Read', topic: 'a' }] },
    /^acls\[0\]\.principal must be .* 'User:shop', not 'alice'/,
  ],
  [
    { acls: [{ principal: alice, operation: 'Write', group: 'a' }] },
    /^acls\[0\]\.operation must be for a group one of All, Read, Delete, Describe, DescribeConfigs, AlterConfigs, not 'Write'/,
  ],
  [
    { acls: [{ principal: alice, operation: 'Read', topic: { name: 'a' } }] },
    /^acls\[0\]\.topic must be a name, '\*', or \{ prefix \}/,
  ],
  [{ acls: [{ principal: alice, operation: 'Create', cluster: 'x' }] }, /^acls\[0\]\.cluster must be true/],
  [
    { acls: [{ principal: alice, operation: 'Read', topic: 'a', permission: 'no' }] },
    /^acls\[0\]\.permission must be 'allow' or 'deny'/,
  ],
  [{ superUsers: 'User:admin' }, /^superUsers must be a list of principals/],
  [{ superUsers: ['admin'] }, /^superUsers must be a list of principals/],
]

test('a wrong rule is named with what was expected', async () => {
  for (const [options, message] of wrong) {
    await assert.rejects(Broker.start(options as BrokerOptions), { code: 'INVALID_OPTION', message })
  }
})

const users = { alice: 'a', admin: 'b' }

/** A connection of this user, and a way to ask on it. */
async function login(broker: Broker, user: keyof typeof users) {
  const client = await RawConnection.to(broker.brokers[0] ?? '')
  await handshake(client, 'PLAIN')
  await authenticate(client, plain(user, users[user]))
  const ask = async <N extends ApiName>(name: N, body: Encodable<Requests[N]>): Promise<Responses[N]> => {
    const { maxVersion } = api(name)
    const answer = await client.exchange(requestFrame(name, maxVersion, body))
    assert.ok(answer !== null)
    return decodeResponse(name, maxVersion, answer)
  }
  return { ask, [Symbol.dispose]: () => client[Symbol.dispose]() }
}

for (const thread of [false, true]) {
  test(`rules are replaced while the broker runs${thread ? ', in a thread too' : ''}`, async () => {
    const superUsers = ['User:admin']
    await using broker = await Broker.start({ thread, sasl: { users }, acls: [], superUsers, topics: { orders: 1 } })
    using client = await login(broker, 'alice')
    const errorOf = async () => (await client.ask('Metadata', { topics: [{ name: 'orders' }] })).topics[0]?.errorCode
    assert.equal(await errorOf(), 29)
    await broker.setAcls([{ principal: alice, operation: 'Read', topic: 'orders' }])
    assert.equal(await errorOf(), 0)
    await broker.setAcls([])
    assert.equal(await errorOf(), 29)
    await broker.setAcls(null)
    assert.equal(await errorOf(), 0)
    await assert.rejects(broker.setAcls([{ principal: alice, operation: 'Read' }]), { code: 'INVALID_OPTION' })
  })
}

test('a list of all topics, groups and offsets has what the client may know of', async () => {
  const acls: AclOptions[] = [
    { principal: alice, operation: 'Describe', topic: 'orders' },
    { principal: alice, operation: 'Describe', group: 'shop' },
  ]
  const topics = { orders: 1, payments: 1 }
  await using broker = await Broker.start({ sasl: { users }, acls, superUsers: ['User:admin'], topics })
  using admin = await login(broker, 'admin')
  using client = await login(broker, 'alice')
  const partitions = [{ partitionIndex: 0, committedOffset: 1 }]
  const committed = ['orders', 'payments'].map(name => ({ name, partitions }))
  for (const groupId of ['shop', 'audit']) {
    await admin.ask('OffsetCommit', { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: committed })
  }
  for (const [who, names, groupNames] of [
    [client, ['orders'], ['shop']],
    [admin, ['orders', 'payments'], ['audit', 'shop']],
  ] as const) {
    assert.deepEqual((await who.ask('Metadata', { topics: null })).topics.map(({ name }) => name).sort(), names)
    assert.deepEqual(
      (await who.ask('DescribeTopicPartitions', { topics: [], responsePartitionLimit: 9 })).topics.map(
        ({ name }) => name,
      ),
      names,
    )
    assert.deepEqual((await who.ask('ListGroups', {})).groups.map(({ groupId }) => groupId).sort(), groupNames)
    const { groups } = await who.ask('OffsetFetch', { groups: [{ groupId: 'shop', topics: null }] })
    assert.deepEqual(groups[0]?.topics.map(({ name }) => name).sort(), names)
  }
})

test('what a fault refuses is refused before access is asked for', async () => {
  await using broker = await Broker.start({ sasl: { users }, acls: [], topics: { orders: 1 } })
  using client = await login(broker, 'alice')
  using _fault = broker.fault({ api: 'ListOffsets', action: { error: 'LEADER_NOT_AVAILABLE' } })
  const { topics } = await client.ask('ListOffsets', {
    replicaId: -1,
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  })
  assert.equal(topics[0]?.partitions[0]?.errorCode, 5)
})

test('a fetch without the right to read waits for what may be read, and for nothing when nothing may', async () => {
  const clock = new HeldClock()
  await using broker = await Broker.start({ clock, sasl: { users }, topics: { orders: 1, payments: 1 } })
  using client = await login(broker, 'alice')
  const { topics } = await client.ask('Metadata', { topics: null })
  await broker.setAcls([{ principal: alice, operation: 'Read', topic: 'orders' }])
  const errorsOf = async (...names: string[]) => {
    const wanted = topics
      .filter(({ name }) => names.includes(name ?? ''))
      .map(({ topicId }) => ({
        topicId,
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }],
      }))
    const { responses } = await client.ask('Fetch', { maxWaitMs: 60_000, minBytes: 1, maxBytes: 1_000, topics: wanted })
    return responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)).sort()
  }
  assert.deepEqual(await errorsOf('payments'), [29])
  const both = errorsOf('orders', 'payments')
  await until('it waits', () => broker.requests.at(-1)?.outcome === 'waiting')
  await clock.advance(60_000)
  assert.deepEqual(await both, [0, 29])
})

test('a client is who its certificate says', async () => {
  const name = 'a, "b" + <c>'
  const acls: AclOptions[] = [
    { principal: 'User:CN=shop', operation: 'Describe', topic: 'orders' },
    { principal: 'User:CN=a\\, \\"b\\" \\+ \\<c\\>', operation: 'Describe', topic: 'payments' },
  ]
  const topics = { orders: 1, payments: 1 }
  await using broker = await Broker.start({ tls: { clientAuth: 'requested' }, acls, topics })
  const known = async (certificate: { cert?: string; key?: string }) => {
    using client = await RawConnection.to(broker.brokers[0] ?? '', { ca: broker.ca ?? '', ...certificate })
    const answer = await client.exchange(requestFrame('Metadata', 9, { topics: null }))
    assert.ok(answer !== null)
    return decodeResponse('Metadata', 9, answer).topics.map(({ name }) => name)
  }
  assert.deepEqual(await known(await broker.issueCertificate('shop')), ['orders'])
  assert.deepEqual(await known(await broker.issueCertificate(name)), ['payments'])
  assert.deepEqual(await known({}), [])
})
