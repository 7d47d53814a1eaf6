import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FetchQuery } from '../../src/client/low-level-client.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { startClient } from './recorder.ts'
import { ScriptedBroker, type ScriptedBrokerOptions } from './scripted-broker.ts'
import { until } from './until.ts'

const ordersId = Buffer.alloc(16, 1).toString('base64url')

/** Two brokers; `orders` has its partitions 0 and 2 on the first and 1 on the second. */
async function pair(options: ScriptedBrokerOptions = {}) {
  const one = await ScriptedBroker.start({ ...options, nodeId: 1 })
  const two = await ScriptedBroker.start({ ...options, nodeId: 2 })
  one.peers.push(two)
  two.peers.push(one)
  for (const broker of [one, two]) broker.topics.set('orders', [1, 2, 1])
  const stop = async () => {
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
  }
  return { one, two, brokers: [one.address], [Symbol.asyncDispose]: stop }
}

function fetchOf(nodeId: number, partitions: readonly number[] = [0]): FetchQuery {
  return {
    ...{ nodeId, connection: 0, maxWaitMs: 500, minBytes: 1, maxBytes: 1_000_000, isolation: 'read_committed' },
    partitions: partitions.map(partition => ({
      topic: 'orders',
      partition,
      offset: 5,
      leaderEpoch: 7,
      maxBytes: 1_000,
    })),
  }
}

test('one bad topic does not spoil the others, and asking creates none', async () => {
  await using cluster = await pair()
  const create: unknown[] = []
  const tell = cluster.one.handler('Metadata')
  cluster.one.on('Metadata', (request, incoming) => {
    create.push(request.body.allowAutoTopicCreation)
    return tell(request, incoming)
  })
  await using client = startClient({ brokers: cluster.brokers, random: () => 0 })
  const { topics, brokers, controller, clusterId } = await client.metadata(['orders', 'nope'])
  assert.deepEqual([...topics.keys()], ['orders', 'nope'])
  assert.deepEqual(
    topics.get('orders')?.partitions.map(({ leader }) => leader),
    [1, 2, 1],
  )
  assert.equal(topics.get('orders')?.error, null)
  assert.equal(topics.get('nope')?.error?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.deepEqual([brokers.map(({ nodeId }) => nodeId), controller, clusterId], [[1, 2], 1, 'scripted'])
  assert.deepEqual(client.leaderOf('orders', 1), { nodeId: 2, leaderEpoch: 7 })
  assert.equal(client.leaderOf('orders', 3), null)
  assert.deepEqual([...(await client.metadata('all')).topics.keys()], ['orders'])
  assert.deepEqual(new Set(create), new Set([false]))
})

test('one request for metadata is under way at a time: who asks for the same joins it, the others share the next', async () => {
  await using broker = await ScriptedBroker.start()
  for (const topic of ['a', 'b', 'c']) broker.topics.set(topic, [1])
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  const asked: (string | null)[][] = []
  const tell = broker.handler('Metadata')
  broker.on('Metadata', (request, incoming) => {
    asked.push(request.body.topics?.map(topic => topic.name) ?? ['all'])
    return tell(request, incoming)
  })
  const calls = [['a', 'b'], ['a'], ['c'], ['b', 'c']].map(topics => client.metadata(topics))
  const answers = await Promise.all(calls)
  assert.deepEqual(
    answers.map(({ topics }) => [...topics.keys()].join()),
    ['a,b', 'a', 'c', 'b,c'],
  )
  assert.deepEqual(asked, [
    ['a', 'b'],
    ['c', 'b'],
  ])
})

test('connections to a broker that left the cluster are closed, its requests rejected', async () => {
  await using cluster = await pair()
  const { one, two } = cluster
  two.on('ListGroups', () => null)
  two.on('Metadata', one.handler('Metadata'))
  await using client = startClient({ brokers: cluster.brokers })
  await client.connect()
  const parked = client.send({ nodeId: 2, role: 'coordinator' }, 'ListGroups', {})
  const rejected = assert.rejects(parked, {
    code: 'CONNECTION',
    message: /node 2\) ended: it is no longer part of the cluster/,
  })
  await until('the request came', () => two.count('ListGroups') === 1)
  one.peers.length = 0
  await client.metadata([])
  await rejected
  await until('the connection is closed', () => two.sockets.size === 0)
  await assert.rejects(client.send({ nodeId: 2 }, 'ListGroups', {}), { code: 'CONNECTION', message: /node id 2/ })
})

test('when no known broker can be reached, the addresses of the options are asked again', async () => {
  await using cluster = await pair()
  await using fresh = await ScriptedBroker.start({ nodeId: 3 })
  await using door = await ScriptedBroker.start({ nodeId: 4 })
  door.on('Metadata', cluster.one.handler('Metadata'))
  fresh.on('ListGroups', () => ({ groups: [] }))
  await using client = startClient({ brokers: [door.address] })
  await client.connect()
  await cluster.one.stop()
  await cluster.two.stop()
  door.on('Metadata', fresh.handler('Metadata'))
  await client.send('any', 'ListGroups', {})
  assert.deepEqual(
    client.state().brokers.map(({ nodeId }) => nodeId),
    [3],
  )
})

test('a broker that is silent is not waited for while another can be asked', async () => {
  await using cluster = await pair()
  const { one, two } = cluster
  await using client = startClient({ brokers: [one.address], requestTimeoutMs: 500, random: () => 0 })
  await client.connect()
  await client.metadata([])
  const asked = one.count('Metadata')
  one.on('Metadata', () => null)
  assert.ok((await client.metadata(['orders'])).topics.has('orders'))
  assert.deepEqual([one.count('Metadata') - asked, two.count('Metadata')], [1, 1])
})

test('a broker that lags behind does not undo what a later leader has told', async () => {
  await using broker = await ScriptedBroker.start()
  let epoch = 9
  broker.on('Metadata', () => ({
    brokers: [{ nodeId: 1, host: broker.host, port: broker.port }],
    topics: [
      { name: 'orders', topicId: ordersId, partitions: [{ partitionIndex: 0, leaderId: epoch, leaderEpoch: epoch }] },
    ],
  }))
  await using client = startClient({ brokers: [broker.address] })
  for (const told of [9, 8, 10]) {
    epoch = told
    await client.metadata(['orders'])
    assert.equal(client.leaderOf('orders', 0)?.leaderEpoch, Math.max(9, told))
  }
})

test('metadata in use is refreshed when it is stale, and what nobody uses is forgotten', async () => {
  await using broker = await ScriptedBroker.start()
  broker.topics.set('orders', [1]).set('other', [1])
  broker.on('Fetch', () => ({ responses: [{ topic: 'orders', partitions: [{ partitionIndex: 0 }] }] }))
  const clock = new VirtualClock()
  await using client = startClient({ brokers: [broker.address], clock, metadataMaxAgeMs: 1_000 })
  await client.metadata(['orders', 'other'])
  const asked: unknown[] = []
  const tell = broker.handler('Metadata')
  broker.on('Metadata', (request, incoming) => {
    asked.push(request.body.topics?.map(topic => topic.name))
    return tell(request, incoming)
  })
  await clock.advance(900)
  await client.fetch(fetchOf(1))
  assert.deepEqual(asked, [])
  await clock.advance(101)
  await client.fetch(fetchOf(1))
  await until('it was asked', () => asked.length === 1)
  assert.deepEqual(asked, [['orders']])
  assert.equal(client.leaderOf('other', 0), null)
})

for (const byId of [true, false]) {
  test(`fetched batches have memory of their own, topics asked for by ${byId ? 'id' : 'name'}`, async () => {
    await using broker = await ScriptedBroker.start()
    broker.topics.set('orders', [1])
    if (byId) broker.topicIds.set('orders', ordersId)
    const versions: number[] = []
    broker.on('Fetch', request => {
      versions.push(request.version)
      assert.equal(request.body.topics[0]?.topic, byId ? '' : 'orders')
      const value = Buffer.alloc(100_000, versions.length)
      const records = Buffer.concat([
        writeBatch([{ value }], { baseOffset: 5 }),
        writeBatch([{ value }], { baseOffset: 6 }),
      ])
      const partitions = [
        {
          partitionIndex: 0,
          highWatermark: 9,
          lastStableOffset: 8,
          logStartOffset: 1,
          records: records.subarray(0, -5),
        },
      ]
      return {
        throttleTimeMs: 3,
        responses: [byId ? { topicId: ordersId, partitions } : { topic: 'orders', partitions }],
      }
    })
    await using client = startClient({ brokers: [broker.address] })
    await client.metadata(['orders'])
    const answers = [await client.fetch(fetchOf(1)), await client.fetch(fetchOf(1))]
    for (const [index, { throttleMs, partitions }] of answers.entries()) {
      const [fetched] = partitions
      assert.equal(throttleMs, 3)
      assert.equal(fetched?.topic, 'orders')
      assert.deepEqual([fetched.highWatermark, fetched.lastStableOffset, fetched.logStartOffset], [9, 8, 1])
      assert.deepEqual(
        fetched.batches.map(batch => [batch.baseOffset, batch.buffer.at(-2)]),
        [[5, index + 1]],
      )
      assert.ok(fetched.batches.every(batch => batch.crcValid))
      assert.ok(fetched.bytes > 200_000)
    }
    assert.ok(versions.every(version => version >= 13 === byId))
  })
}

test('an error of one partition is in its entry, and a topic id that is unknown to the broker refreshes metadata', async () => {
  await using broker = await ScriptedBroker.start()
  broker.topics.set('orders', [1, 1])
  broker.topicIds.set('orders', ordersId)
  broker.on('Fetch', () => ({
    responses: [
      {
        topicId: ordersId,
        partitions: [
          { partitionIndex: 0, errorCode: 100 },
          { partitionIndex: 1, highWatermark: 3 },
        ],
      },
    ],
  }))
  await using client = startClient({ brokers: [broker.address] })
  await client.metadata(['orders'])
  const asked = broker.count('Metadata')
  const { partitions } = await client.fetch(fetchOf(1, [0, 1]))
  assert.deepEqual(
    partitions.map(({ error }) => error?.code),
    ['UNKNOWN_TOPIC_ID', undefined],
  )
  await until('metadata is asked for', () => broker.count('Metadata') > asked)
})

test('bytes of a request sent over a fetch connection do not change with the next answer', async () => {
  await using broker = await ScriptedBroker.start()
  let fill = 0
  broker.on('DescribeGroups', () => {
    fill += 1
    return { groups: [{ groupId: 'shop', members: [{ memberMetadata: Buffer.alloc(1_000, fill) }] }] }
  })
  await using client = startClient({ brokers: [broker.address] })
  await client.connect()
  const ask = () => client.send({ nodeId: 1, role: 'fetch' }, 'DescribeGroups', { groups: ['shop'] })
  const [first, second] = [await ask(), await ask()]
  assert.deepEqual(first.groups[0]?.members[0]?.memberMetadata, Buffer.alloc(1_000, 1))
  assert.deepEqual(second.groups[0]?.members[0]?.memberMetadata, Buffer.alloc(1_000, 2))
})

test('offsets are asked of each leader, one partition asked twice included, and a moved leader is looked up again', async () => {
  await using cluster = await pair()
  const { one, two } = cluster
  const answerOf = (broker: ScriptedBroker) => {
    broker.on('ListOffsets', request => {
      const topics = request.body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }) =>
          one.topics.get('orders')?.[partitionIndex] === broker.nodeId
            ? { partitionIndex, offset: partitionIndex * 100 + Number(timestamp), timestamp: -1, leaderEpoch: 7 }
            : { partitionIndex, errorCode: 6, offset: -1 },
        ),
      }))
      assert.ok(
        topics.every(({ partitions }) => new Set(partitions.map(p => p.partitionIndex)).size === partitions.length),
      )
      return { topics }
    })
  }
  answerOf(one)
  answerOf(two)
  await using client = startClient({ brokers: cluster.brokers })
  await client.metadata(['orders'])
  for (const broker of [one, two]) broker.topics.set('orders', [1, 1, 1])
  const at = (partition: number, timestamp: number) => ({ topic: 'orders', partition, timestamp })
  const queries = [
    at(0, -1),
    at(0, -2),
    at(1, -1),
    at(2, -1),
    at(3, -1),
    { topic: 'nope', partition: 0, timestamp: -1 },
  ]
  const found = await client.listOffsets(queries, 'read_committed')
  assert.deepEqual(
    found.map(({ topic, partition, offset, error }) => [topic, partition, offset, error?.code]),
    [
      ['orders', 0, -1, undefined],
      ['orders', 0, -2, undefined],
      ['orders', 1, 99, undefined],
      ['orders', 2, 199, undefined],
      ['orders', 3, -1, 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['nope', 0, -1, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ],
  )
})

test('a leader that stays away is told in the entries when the deadline is over', async () => {
  await using cluster = await pair()
  cluster.one.on('ListOffsets', request => ({
    topics: request.body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, offset: 4 })),
    })),
  }))
  await using client = startClient({ brokers: cluster.brokers, requestTimeoutMs: 500 })
  await client.metadata(['orders'])
  await cluster.two.stop()
  const queries = [0, 1].map(partition => ({ topic: 'orders', partition, timestamp: -1 }))
  const found = await client.listOffsets(queries, 'read_uncommitted')
  assert.deepEqual(
    found.map(({ offset, error }) => [offset, error?.code]),
    [
      [4, undefined],
      [-1, 'CONNECTION'],
    ],
  )
})

test('the ends of leader epochs are asked of each leader as consumers ask, and a moved leader is looked up again', async () => {
  await using cluster = await pair()
  const { one, two } = cluster
  const asked: (readonly number[])[] = []
  for (const broker of [one, two]) {
    broker.on('OffsetForLeaderEpoch', ({ body: { replicaId, topics } }) => ({
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
          asked.push([broker.nodeId, replicaId, partition, currentLeaderEpoch, leaderEpoch])
          return one.topics.get('orders')?.[partition] === broker.nodeId
            ? { partition, leaderEpoch: leaderEpoch - 1, endOffset: 100 + partition }
            : { partition, errorCode: 74 }
        }),
      })),
    }))
  }
  await using client = startClient({ brokers: cluster.brokers })
  await client.metadata(['orders'])
  for (const broker of [one, two]) broker.topics.set('orders', [1, 1, 1])
  const at = (partition: number) => ({ topic: 'orders', partition, leaderEpoch: 3 })
  const ends = [
    ...(await client.offsetsForLeaderEpoch([at(0), at(1)])),
    ...(await client.offsetsForLeaderEpoch([at(3)])),
  ]
  assert.deepEqual(
    ends.map(({ partition, leaderEpoch, endOffset, error }) => [partition, leaderEpoch, endOffset, error?.code]),
    [
      [0, 2, 100, undefined],
      [1, 2, 101, undefined],
      [3, -1, -1, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ],
  )
  assert.deepEqual(asked.sort(), [
    [1, -1, 0, 7, 3],
    [1, -1, 1, 7, 3],
    [2, -1, 1, 7, 3],
  ])
})

test('a broker that answers epochs to other brokers only is not asked', async () => {
  await using broker = await ScriptedBroker.start({ versions: { OffsetForLeaderEpoch: [0, 2] } })
  broker.topics.set('orders', [1])
  await using client = startClient({ brokers: [broker.address] })
  const [end] = await client.offsetsForLeaderEpoch([{ topic: 'orders', partition: 0, leaderEpoch: 3 }])
  assert.equal(end?.error?.code, 'UNSUPPORTED_VERSION')
  assert.equal(broker.count('OffsetForLeaderEpoch'), 0)
})

test('a topic id that is given is the one that is fetched, whatever metadata says now', async () => {
  await using broker = await ScriptedBroker.start()
  broker.topics.set('orders', [1])
  broker.topicIds.set('orders', Buffer.alloc(16, 2).toString('base64url'))
  broker.on('Fetch', ({ body: { topics } }) => ({
    responses: topics.map(({ topicId }) => ({
      topicId,
      partitions: [{ partitionIndex: 0, errorCode: topicId === ordersId ? 100 : 0 }],
    })),
  }))
  await using client = startClient({ brokers: [broker.address] })
  await client.metadata(['orders'])
  const query = fetchOf(1)
  const asked = query.partitions.map(partition => ({ ...partition, topicId: ordersId }))
  const answers = [await client.fetch({ ...query, partitions: asked }), await client.fetch(query)]
  assert.deepEqual(
    answers.map(({ partitions }) => partitions[0]?.error?.code),
    ['UNKNOWN_TOPIC_ID', undefined],
  )
})

test('batches go to the leaders in the order given, nothing is sent twice, and each has its own outcome', async () => {
  await using cluster = await pair()
  const { one, two } = cluster
  const written: string[] = []
  for (const broker of [one, two]) {
    broker.on('Produce', request => ({
      responses: request.body.topicData.map(({ name, partitionData }) => ({
        name,
        partitionResponses: partitionData.map(({ index, records }) => {
          written.push(`${broker.nodeId} ${name} ${index} ${records}`)
          return index === 2 ? { index, errorCode: 6, baseOffset: -1 } : { index, baseOffset: written.length }
        }),
      })),
    }))
  }
  await using client = startClient({ brokers: cluster.brokers })
  const batch = (partition: number, text: string) => ({ topic: 'orders', partition, records: Buffer.from(text) })
  const produced = await client.produce([batch(0, 'a'), batch(0, 'b'), batch(1, 'c'), batch(2, 'd'), batch(7, 'e')])
  assert.deepEqual(
    produced.map(({ error }) => error?.code),
    [...[undefined, undefined, undefined, 'NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_OR_PARTITION']],
  )
  assert.deepEqual(
    written.filter(line => line.startsWith('1')),
    ['1 orders 0 a', '1 orders 2 d', '1 orders 0 b'],
  )
  assert.deepEqual(
    written.filter(line => line.startsWith('2')),
    ['2 orders 1 c'],
  )
})

test('with acks 0 nothing is waited for, and the connection stays in step', async () => {
  await using broker = await ScriptedBroker.start()
  broker.topics.set('orders', [1])
  broker.on('Produce', () => null)
  broker.on('ListGroups', () => ({ groups: [] }))
  await using client = startClient({ brokers: [broker.address] })
  const records = Buffer.from('x')
  const produced = await client.produce([{ topic: 'orders', partition: 0, records }], { acks: 0 })
  assert.deepEqual(produced, [{ topic: 'orders', partition: 0, error: null, baseOffset: -1, logAppendTime: -1 }])
  const body = { acks: 0, timeoutMs: 1, topicData: [] }
  assert.deepEqual((await client.send({ nodeId: 1 }, 'Produce', body)).responses, [])
  await client.send({ nodeId: 1 }, 'ListGroups', {})
  assert.equal(broker.count('Produce'), 2)
})

for (const versions of [{}, { FindCoordinator: [0, 3] as const }]) {
  const how = 'FindCoordinator' in versions ? 'one at a time' : 'in batches'
  test(`the coordinator of a group is looked up once (${how}), waited for, and again when it is told to be wrong`, async () => {
    await using cluster = await pair({ versions })
    const { one, two } = cluster
    let coordinator = two
    let loading = 2
    for (const broker of [one, two]) {
      broker.on('FindCoordinator', ({ body, version }) => {
        loading -= 1
        const errorCode = loading >= 0 ? 15 : 0
        const { nodeId, host, port } = coordinator
        if (version < 4) return { errorCode, nodeId, host, port }
        return { coordinators: body.coordinatorKeys.map(key => ({ key, errorCode, nodeId, host, port })) }
      })
      broker.on('Heartbeat', () => ({ errorCode: broker === coordinator ? 0 : 16 }))
    }
    await using client = startClient({ brokers: cluster.brokers })
    const beat = () => client.send({ group: 'shop' }, 'Heartbeat', { groupId: 'shop', generationId: 1, memberId: 'm' })
    const answers = await Promise.all([beat(), beat(), beat()])
    assert.deepEqual(
      answers.map(({ errorCode }) => errorCode),
      [0, 0, 0],
    )
    assert.equal(one.count('FindCoordinator') + two.count('FindCoordinator'), 3)
    const links = client
      .state()
      .brokers.flatMap(({ nodeId, connections }) => connections.map(({ role }) => `${nodeId} ${role}`))
    assert.ok(links.includes('2 coordinator'))
    coordinator = one
    assert.equal((await beat()).errorCode, 16)
    client.forgetCoordinator('shop')
    assert.equal((await beat()).errorCode, 0)
  })
}

test('a group whose coordinator is refused says so by name', async () => {
  await using broker = await ScriptedBroker.start()
  broker.on('FindCoordinator', () => ({ coordinators: [{ key: 'shop', errorCode: 30 }] }))
  await using client = startClient({ brokers: [broker.address] })
  await assert.rejects(
    client.send({ group: 'shop' }, 'Heartbeat', { groupId: 'shop', generationId: 1, memberId: 'm' }),
    {
      code: 'GROUP_AUTHORIZATION_FAILED',
      message: /coordinator of group shop/,
    },
  )
})

test('a coordinator whose connection breaks is looked up again', async () => {
  await using cluster = await pair()
  const { one, two } = cluster
  let coordinator = two
  for (const broker of [one, two]) {
    broker.on('FindCoordinator', ({ body }) => {
      const { nodeId, host, port } = coordinator
      return { coordinators: body.coordinatorKeys.map(key => ({ key, nodeId, host, port })) }
    })
    broker.on('Heartbeat', () => ({ errorCode: 0 }))
  }
  await using client = startClient({ brokers: cluster.brokers })
  const beat = () => client.send({ group: 'shop' }, 'Heartbeat', { groupId: 'shop', generationId: 1, memberId: 'm' })
  await beat()
  coordinator = one
  await two.stop()
  await assert.rejects(beat(), { code: 'CONNECTION' })
  await beat()
  assert.equal(one.count('Heartbeat'), 1)
})

test('the controller is asked when it is wanted', async () => {
  await using cluster = await pair()
  cluster.one.on('CreateTopics', () => ({ topics: [] }))
  await using client = startClient({ brokers: cluster.brokers, random: () => 0 })
  await client.send('controller', 'CreateTopics', { topics: [] })
  assert.equal(cluster.one.count('CreateTopics'), 1)
})
