import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noId } from '../../src/broker/random-id.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import type { Responses } from '../../src/protocol/messages.ts'
import { ClusterBench } from './cluster-bench.ts'

/** Names and error codes of the topics that are told. */
async function told(bench: ClusterBench, version: number, topics: readonly object[] | null, more: object = {}) {
  const wanted = topics?.map(topic => ({ name: null, topicId: noId, ...topic })) ?? null
  const answer = await bench.ask('Metadata', version, { topics: wanted, allowAutoTopicCreation: false, ...more })
  return answer.topics.map(({ name, errorCode }) => [name, errorCode])
}

test('all topics are told where none is named, which version 0 says in another way', async () => {
  using bench = new ClusterBench()
  const all = [
    ['t', 0],
    ['u', 0],
  ]
  assert.deepEqual(await told(bench, 0, []), all)
  assert.deepEqual(await told(bench, 1, []), [])
  for (const version of [1, 9, 13]) assert.deepEqual(await told(bench, version, null), all)
})

test('each topic is told once, and of those that are not there, why', async () => {
  using bench = new ClusterBench()
  const asked = ['t', 't', 'nope', 'a b', '__consumer_offsets'].map(name => ({ name }))
  assert.deepEqual(await told(bench, 9, asked), [
    ['t', 0],
    ['nope', errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ['a b', errorCodes.INVALID_TOPIC_EXCEPTION],
    ['__consumer_offsets', errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  ])
  const { topics } = await bench.ask('Metadata', 9, { topics: [{ name: '__consumer_offsets' }] })
  assert.equal(topics[0]?.isInternal, true)
})

test('topics are told by their ids from version 12 on', async () => {
  using bench = new ClusterBench()
  const { id } = bench.cluster.topics.get('t') ?? assert.fail()
  const unknown = 'no-such-topic-id-hereA'
  const asked = [{ topicId: id }, { topicId: unknown }, { name: 'u' }]
  assert.deepEqual(await told(bench, 12, asked), [
    ['t', 0],
    [null, errorCodes.UNKNOWN_TOPIC_ID],
  ])
  assert.deepEqual(await told(bench, 10, [{ topicId: id }]), [['', errorCodes.INVALID_REQUEST]])
  assert.deepEqual(await told(bench, 12, [{}]), [['', errorCodes.UNKNOWN_SERVER_ERROR]])
  const refused = await bench.ask('Metadata', 13, { topics: [{ name: null }] })
  assert.deepEqual([refused.errorCode, refused.brokers], [errorCodes.UNKNOWN_SERVER_ERROR, []])
})

test('a topic is made by asking for it, for the next one who asks, when both sides allow that', async () => {
  using bench = new ClusterBench({ config: { 'num.partitions': '4' } })
  const unknown = [['new', errorCodes.UNKNOWN_TOPIC_OR_PARTITION]]
  assert.deepEqual(await told(bench, 9, [{ name: 'new' }]), unknown)
  assert.deepEqual(await told(bench, 9, [{ name: 'new' }], { allowAutoTopicCreation: true }), unknown)
  assert.deepEqual(await told(bench, 9, [{ name: 'new' }]), [['new', 0]])
  assert.equal(bench.cluster.topics.get('new')?.partitions.length, 4)
  assert.deepEqual(await told(bench, 9, [{ name: 'a/b' }], { allowAutoTopicCreation: true }), [
    ['a/b', errorCodes.INVALID_TOPIC_EXCEPTION],
  ])
  // A name that collides is unknown, and stays so; so are topics of Kafka's own.
  bench.cluster.topics.create({ name: 'a.b' })
  for (const name of ['a_b', 'a_b', '__consumer_offsets', '__consumer_offsets']) {
    assert.deepEqual(await told(bench, 9, [{ name }], { allowAutoTopicCreation: true }), [
      [name, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ])
  }
})

test('stopped nodes are in no metadata but as offline replicas, and who leads is told with its epoch', async () => {
  using bench = new ClusterBench({ nodes: 3 })
  bench.cluster.topics.create({
    name: 'x',
    assignments: [
      [2, 3],
      [3, 2],
    ],
  })
  bench.cluster.topics.create({ name: 'y', assignments: [[2]] })
  bench.run(2, false)
  const { brokers, topics, controllerId } = await bench.ask('Metadata', 12, { topics: [{ name: 'x' }, { name: 'y' }] })
  assert.deepEqual([brokers.map(({ nodeId }) => nodeId), controllerId], [[1, 3], 1])
  const partition = { replicaNodes: [2, 3], isrNodes: [3], offlineReplicas: [2], errorCode: 0, leaderId: 3 }
  assert.deepEqual(topics[0]?.partitions, [
    { ...partition, partitionIndex: 0, leaderEpoch: 1 },
    { ...partition, partitionIndex: 1, leaderEpoch: 0, replicaNodes: [3, 2] },
  ])
  assert.deepEqual(
    topics[1]?.partitions.map(({ errorCode, leaderId }) => [errorCode, leaderId]),
    [[errorCodes.LEADER_NOT_AVAILABLE, -1]],
  )
  const [old] = (await bench.ask('Metadata', 0, { topics: [{ name: 'x' }] })).topics
  assert.deepEqual(
    old?.partitions.map(({ errorCode, replicaNodes }) => [errorCode, replicaNodes]),
    [
      [errorCodes.REPLICA_NOT_AVAILABLE, [3]],
      [errorCodes.REPLICA_NOT_AVAILABLE, [3]],
    ],
  )
  bench.run(2, true)
  const again = await bench.ask('Metadata', 12, { topics: [{ name: 'x' }, { name: 'y' }] })
  assert.deepEqual(
    again.topics.map(({ partitions }) => partitions.map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch])),
    [
      [
        [3, 1],
        [3, 0],
      ],
      [[2, 2]],
    ],
  )
})

test('what one may do is told to whoever asks, and only to those', async () => {
  using bench = new ClusterBench()
  const topics = [{ name: 't' }]
  const plain = await bench.ask('Metadata', 8, { topics })
  const none = -(2 ** 31)
  assert.deepEqual([plain.clusterAuthorizedOperations, plain.topics[0]?.topicAuthorizedOperations], [none, none])
  const asked = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true }
  const full = await bench.ask('Metadata', 8, { topics, ...asked })
  assert.deepEqual([full.clusterAuthorizedOperations, full.topics[0]?.topicAuthorizedOperations], [8_096, 3_576])
})

test('partitions are described in pages, in the order of names', async () => {
  using bench = new ClusterBench()
  bench.cluster.topics.create({ name: 'a', partitions: 3 })
  const pages: string[][] = []
  let cursor: { topicName: string; partitionIndex: number } | null = null
  do {
    const body = { topics: [], responsePartitionLimit: 2, cursor }
    const answer: Responses['DescribeTopicPartitions'] = await bench.ask('DescribeTopicPartitions', 0, body)
    pages.push(
      answer.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`),
      ),
    )
    cursor = answer.nextCursor
  } while (cursor !== null)
  assert.deepEqual(pages, [
    ['a-0', 'a-1'],
    ['a-2', 't-0'],
    ['t-1', 'u-0'],
  ])
})

test('a page begins at a partition that can be, of a topic that was asked for', async () => {
  using bench = new ClusterBench()
  const describe = async (topics: readonly string[], topicName: string, partitionIndex: number) => {
    const cursor = { topicName, partitionIndex }
    const body = { topics: topics.map(name => ({ name })), responsePartitionLimit: 10, cursor }
    const answer = await bench.ask('DescribeTopicPartitions', 0, body)
    return answer.topics.map(({ name, errorCode, partitions }) => [name, errorCode, partitions.length])
  }
  assert.deepEqual(await describe(['t', 'u'], 't', 1), [
    ['t', 0, 1],
    ['u', 0, 1],
  ])
  assert.deepEqual(await describe(['t'], 't', 9), [['t', 0, 0]])
  assert.deepEqual(await describe([], 'nope', 0), [
    ['t', 0, 2],
    ['u', 0, 1],
  ])
  assert.deepEqual(await describe(['t'], 'u', 0), [['t', errorCodes.INVALID_REQUEST, 0]])
  assert.deepEqual(await describe(['t'], 't', -1), [['t', errorCodes.INVALID_REQUEST, 0]])
})

test('one page holds as many partitions as the settings allow, whatever is asked', async () => {
  using bench = new ClusterBench({ config: { 'max.request.partition.size.limit': '2' } })
  const body = { topics: [], responsePartitionLimit: 2_000_000_000 }
  const { topics, nextCursor } = await bench.ask('DescribeTopicPartitions', 0, body)
  assert.deepEqual([topics.length, nextCursor], [1, { topicName: 'u', partitionIndex: 0 }])
})

test('the cluster is described to those who ask brokers for brokers', async () => {
  using bench = new ClusterBench({ nodes: 2 })
  bench.run(1, false)
  const describe = async (version: number, body: object) => bench.ask('DescribeCluster', version, body)
  const answer = await describe(2, {})
  assert.deepEqual(
    [answer.clusterId, answer.controllerId, answer.brokers.map(({ brokerId }) => brokerId)],
    [bench.cluster.id, 2, [2]],
  )
  const fenced = await describe(2, { includeFencedBrokers: true })
  assert.deepEqual(
    fenced.brokers.map(({ isFenced }) => isFenced),
    [true, false],
  )
  const codes = [1, 2, 9].map(async endpointType => (await describe(1, { endpointType })).errorCode)
  const { MISMATCHED_ENDPOINT_TYPE, UNSUPPORTED_ENDPOINT_TYPE } = errorCodes
  assert.deepEqual(await Promise.all(codes), [0, MISMATCHED_ENDPOINT_TYPE, UNSUPPORTED_ENDPOINT_TYPE])
})

test('groups and transactions have a coordinator, several in one answer from version 4 on', async () => {
  using bench = new ClusterBench({ nodes: 3 })
  for (const [keyType, type] of [
    [0, 'group'],
    [1, 'transaction'],
  ] as const) {
    const coordinatorKeys = Array.from({ length: 40 }, (_, at) => `key-${at}`)
    const { coordinators } = await bench.ask('FindCoordinator', 4, { keyType, coordinatorKeys })
    const nodes = coordinators.map(({ nodeId }) => nodeId)
    assert.deepEqual(
      nodes,
      coordinatorKeys.map(key => bench.cluster.nodes.coordinator(type, key)),
    )
    assert.deepEqual(new Set(nodes), new Set([1, 2, 3]))
    const one = await bench.ask('FindCoordinator', 3, { keyType, key: 'key-0' })
    assert.deepEqual([one.nodeId, one.port, one.errorCode], [nodes[0], nodes[0], 0])
  }
  for (const keyType of [2, 9, -1]) {
    const one = await bench.ask('FindCoordinator', 3, { keyType, key: 'x' })
    assert.deepEqual([one.errorCode, one.nodeId], [errorCodes.INVALID_REQUEST, -1])
  }
})

test('when a node stops, only what it coordinated moves, and it does not move back', () => {
  using bench = new ClusterBench({ nodes: 3 })
  const { nodes } = bench.cluster
  const keys = Array.from({ length: 100 }, (_, at) => `key-${at}`)
  const coordinators = () => keys.map(key => nodes.coordinator('group', key))
  const before = coordinators()
  bench.run(2, false)
  const during = coordinators()
  for (const [at, node] of during.entries()) {
    if (before[at] === 2) assert.notEqual(node, 2)
    else assert.equal(node, before[at])
  }
  bench.run(2, true)
  assert.deepEqual(coordinators(), during)
  nodes.setCoordinator('group', 'key-0', 2)
  assert.equal(nodes.coordinator('group', 'key-0'), 2)
  assert.notEqual(nodes.coordinator('transaction', 'key-0'), -1)
  for (const node of [1, 2, 3]) bench.run(node, false)
  assert.deepEqual([nodes.coordinator('group', 'key-0'), nodes.coordinator('group', 'key-1')], [-1, -1])
})
