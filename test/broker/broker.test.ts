import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker, ClosedError, HeldClock, OptionError } from '../../src/broker/index.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { until } from '../until.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

async function metadata(address: string) {
  using client = await RawConnection.to(address)
  const answer = await client.exchange(requestFrame('Metadata', 12, { topics: null }))
  assert.ok(answer !== null)
  return decodeResponse('Metadata', 12, answer)
}

async function produce(address: string, topic: string, keys: readonly string[]): Promise<number | undefined> {
  using client = await RawConnection.to(address)
  const records = writeBatch(
    keys.map(key => ({ key, value: 'v' })),
    { now: Date.now() },
  )
  const body = { acks: -1, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] }
  const answer = await client.exchange(requestFrame('Produce', 9, body))
  return answer === null
    ? undefined
    : decodeResponse('Produce', 9, answer).responses[0]?.partitionResponses[0]?.errorCode
}

const first = (broker: Broker) => broker.brokers[0] ?? ''

test('it listens when started, and tells clients its nodes, racks and topics', async () => {
  await using broker = await Broker.start({ nodes: 3, racks: ['a', 'b', null], topics: { orders: 6, payments: {} } })
  const { brokers, topics, clusterId } = await metadata(first(broker))
  assert.deepEqual(
    brokers.map(({ host, port, rack }) => [`${host}:${port}`, rack]),
    broker.brokers.map((address, at) => [address, ['a', 'b', null][at]]),
  )
  assert.deepEqual(
    topics.map(({ name, partitions }) => [name, partitions.length]),
    [
      ['orders', 6],
      ['payments', 1],
    ],
  )
  assert.ok(topics.every(({ partitions }) => partitions.every(({ replicaNodes }) => replicaNodes.length === 3)))
  assert.match(clusterId ?? '', /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
})

test('the same seed gives the same ids', async () => {
  const ids = async (seed: number) => {
    await using broker = await Broker.start({ seed, topics: { orders: 1 } })
    const { clusterId, topics } = await metadata(first(broker))
    return [clusterId, topics[0]?.topicId]
  }
  assert.deepEqual(await ids(5), await ids(5))
  assert.notDeepEqual(await ids(5), await ids(6))
})

test('topics are made and deleted, and what cannot be is told with the name that Kafka has for it', async () => {
  await using broker = await Broker.start()
  await broker.createTopic('orders', 3)
  await broker.createTopic('payments', { config: { 'cleanup.policy': 'compact' } })
  await assert.rejects(broker.createTopic('orders'), { code: 'TOPIC_ALREADY_EXISTS' })
  await assert.rejects(broker.createTopic('a b'), { code: 'INVALID_TOPIC_EXCEPTION' })
  await assert.rejects(broker.createTopic('many', { replicas: 2 }), { code: 'INVALID_REPLICATION_FACTOR' })
  await assert.rejects(broker.createTopic('odd', { config: { 'retention.ms': 'soon' } }), { code: 'INVALID_CONFIG' })
  await assert.rejects(broker.createTopic('none', 0), OptionError)
  await broker.deleteTopic('orders')
  await assert.rejects(broker.deleteTopic('orders'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  const { topics } = await metadata(first(broker))
  assert.deepEqual(
    topics.map(({ name }) => name),
    ['payments'],
  )
})

test('leaders move, and who asks the wrong one is told so', async () => {
  await using broker = await Broker.start({ nodes: 3, topics: { orders: 1, alone: { replicas: 1 } } })
  const leader = await broker.leader('orders', 0)
  const address = (node: number) => broker.brokers[node - 1] ?? ''
  assert.equal(await produce(address(leader), 'orders', ['a']), 0)
  const next = await broker.moveLeader('orders', 0)
  assert.notEqual(next, leader)
  assert.equal(await broker.leader('orders', 0), next)
  assert.equal(await produce(address(leader), 'orders', ['a']), 6)
  assert.equal(await produce(address(next), 'orders', ['a']), 0)
  assert.equal(await broker.moveLeader('orders', 0, leader), leader)
  assert.equal(await broker.moveLeader('orders', 0, leader), leader)
  await assert.rejects(broker.moveLeader('orders', 0, 9), { code: 'ELIGIBLE_LEADERS_NOT_AVAILABLE' })
  await assert.rejects(broker.moveLeader('alone', 0), { code: 'ELIGIBLE_LEADERS_NOT_AVAILABLE' })
  await assert.rejects(broker.moveLeader('orders', 7), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('a node that stops loses its connections and its leaders, and comes back on its port', async () => {
  await using broker = await Broker.start({ nodes: 3, topics: { orders: 3 } })
  const before = broker.brokers
  using client = await RawConnection.to(before[1] ?? '')
  await broker.stopNode(2)
  await until('its connections are gone', () => !client.open)
  await assert.rejects(RawConnection.to(before[1] ?? ''), { code: 'ECONNREFUSED' })
  const without = await metadata(first(broker))
  assert.deepEqual(
    without.brokers.map(({ nodeId }) => nodeId),
    [1, 3],
  )
  assert.ok(without.topics[0]?.partitions.every(({ leaderId, isrNodes }) => leaderId !== 2 && !isrNodes.includes(2)))
  await broker.stopNode(2)
  await broker.startNode(2)
  await broker.startNode(2)
  assert.deepEqual(broker.brokers, before)
  assert.equal((await metadata(before[1] ?? '')).brokers.length, 3)
  assert.equal(await broker.moveLeader('orders', 0, 2), 2)
  await Promise.all([broker.stopNode(3), broker.startNode(3), broker.stopNode(1), broker.startNode(1)])
  assert.equal((await metadata(first(broker))).brokers.length, 3)
  await assert.rejects(broker.stopNode(4), OptionError)
})

test('records are deleted up to an offset, and compaction leaves the last of each key', async () => {
  await using broker = await Broker.start({ topics: { orders: { config: { 'cleanup.policy': 'compact' } } } })
  await produce(first(broker), 'orders', ['a', 'b', 'a'])
  await produce(first(broker), 'orders', ['b'])
  await broker.compact('orders')
  await broker.deleteRecords('orders', 0, 2)
  await assert.rejects(broker.deleteRecords('orders', 0, 5), { code: 'OFFSET_OUT_OF_RANGE' })
  await assert.rejects(broker.compact('nothing'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

function join(groupId: string, memberId: string) {
  const protocols = [{ name: 'range', metadata: Buffer.from('m') }]
  const timeouts = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 }
  return requestFrame('JoinGroup', 3, { groupId, memberId, protocolType: 'consumer', protocols, ...timeouts })
}

test('what becomes of a group can be looked at and waited for', async () => {
  const clock = new HeldClock()
  const config = { 'group.initial.rebalance.delay.ms': '0' }
  await using broker = await Broker.start({ clock, config, topics: { orders: 1 } })
  const group = broker.group('shop')
  assert.equal((await group.now()).state, 'Dead')
  await assert.rejects(group.until('stable' as 'Stable'), /^OptionError: no group has the state 'stable'; .* Stable/)
  const stable = group.until('Stable', 1)
  const joining = group.until('CompletingRebalance')
  using client = await RawConnection.to(first(broker))
  const answer = await client.exchange(join('shop', ''))
  assert.ok(answer !== null)
  const { memberId, generationId } = decodeResponse('JoinGroup', 3, answer)
  assert.equal((await joining).members[0]?.memberId, memberId)
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await client.exchange(requestFrame('SyncGroup', 2, { groupId: 'shop', memberId, generationId, assignments }))
  const { members, protocol, generation } = await stable
  assert.deepEqual([members[0]?.assignment.toString(), protocol, generation], ['all', 'range', generationId])
  const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: 'seven' }]
  const commit = { groupId: 'shop', memberId, generationIdOrMemberEpoch: generationId }
  await client.exchange(requestFrame('OffsetCommit', 5, { ...commit, topics: [{ name: 'orders', partitions }] }))
  assert.deepEqual(await broker.committed('shop'), [{ topic: 'orders', partition: 0, offset: 7, metadata: 'seven' }])
  const empty = group.until('Empty')
  await clock.advance(10_001)
  assert.equal((await empty).members.length, 0)
})

test('the coordinator of a group is where it was put', async () => {
  await using broker = await Broker.start({ nodes: 3 })
  const asks = [1, 2, 3]
  for (const node of asks) {
    await broker.setCoordinator('group', 'shop', node)
    await broker.setCoordinator('transaction', 'till', node)
    using client = await RawConnection.to(first(broker))
    for (const [key, keyType] of [
      ['shop', 0],
      ['till', 1],
    ] as const) {
      const answer = await client.exchange(requestFrame('FindCoordinator', 3, { key, keyType }))
      assert.equal(answer === null ? null : decodeResponse('FindCoordinator', 3, answer).nodeId, node)
    }
  }
  await assert.rejects(broker.setCoordinator('group', 'shop', 4), OptionError)
  await assert.rejects(
    broker.setCoordinator('groups' as 'group', 'shop', 1),
    /^OptionError: .*'group' or 'transaction'/,
  )
})

test('the log has the last requests, and tells each one once it is answered', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 }, requestLog: 3 })
  const told: string[] = []
  broker.onRequest(({ number, api, version, outcome }) => told.push(`${number} ${api} v${version} ${outcome}`))
  for (let i = 0; i < 3; i++) await metadata(first(broker))
  await produce(first(broker), 'orders', ['a'])
  await produce(first(broker), 'nothing', ['a'])
  assert.deepEqual(
    broker.requests.map(({ number, api, topics, errors }) => [number, api, topics, errors]),
    [
      [3, 'Metadata', [], []],
      [4, 'Produce', ['orders'], []],
      [5, 'Produce', ['nothing'], ['UNKNOWN_TOPIC_OR_PARTITION']],
    ],
  )
  assert.equal(told.length, 5)
  assert.equal(told.at(-1), '5 Produce v9 answered')
  const [, { clientId, client, bytes, answerBytes } = { client: '' }] = broker.requests
  assert.equal(clientId, 'probe')
  assert.match(client, /^127\.0\.0\.1:\d+$/)
  assert.ok((bytes ?? 0) > 80 && (answerBytes ?? 0) > 30)
})

test('a port that is taken is an error that names it, and nothing is left', async () => {
  await using broker = await Broker.start()
  const port = Number(first(broker).split(':')[1])
  await assert.rejects(Broker.start({ nodes: 2, ports: [0, port] }), error => {
    assert.match(String(error), new RegExp(`cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`))
    return (error as { code?: string }).code === 'CANNOT_LISTEN'
  })
  await assert.rejects(Broker.start({ topics: { 'a b': 1 } }), { code: 'INVALID_TOPIC_EXCEPTION' })
  await assert.rejects(Broker.start({ config: { 'num.partitions': 'many' } }), OptionError)
  await until('only the first one listens', () => listening() === 1)
})

function listening(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap').length
}

test('whoever waits when it closes is told so, and so is whoever asks later', async () => {
  const broker = await Broker.start({ topics: { orders: 1 } })
  const stable = broker.group('shop').until('Stable')
  const rejected = assert.rejects(stable, ClosedError)
  const starting = broker.stopNode(1).then(() => broker.startNode(1))
  starting.catch(() => {})
  await Promise.all([broker.close(), broker.close()])
  await rejected
  await assert.rejects(broker.leader('orders', 0), ClosedError)
  await assert.rejects(broker.createTopic('more'), ClosedError)
  await assert.rejects(broker.group('shop').until('Stable'), ClosedError)
  await assert.rejects(broker.startNode(1), ClosedError)
  assert.throws(() => broker.fault({ action: { observe: true } }), ClosedError)
  await until('nothing listens', () => listening() === 0)
})
