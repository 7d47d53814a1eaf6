import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { noId, randomId } from '../../src/broker/random-id.ts'
import { Refusal } from '../../src/broker/refusal.ts'
import type { NewTopic } from '../../src/broker/topics.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { ClusterBench } from './cluster-bench.ts'

/** The name of the error with which a topic is refused; null: it is made. */
function refusal({ cluster }: ClusterBench, topic: NewTopic): string | null {
  try {
    cluster.topics.create(topic)
    return null
  } catch (error) {
    assert.ok(error instanceof Refusal)
    return error.code
  }
}

function replicasOf({ cluster }: ClusterBench, name: string): readonly (readonly number[])[] {
  return cluster.topics.get(name)?.partitions.map(({ replicas }) => replicas) ?? []
}

test('a topic has a name that Kafka allows, and none that collides with another in its metrics', () => {
  using bench = new ClusterBench()
  for (const name of ['', '.', '..', 'a b', 'ü', 'a/b', 'x'.repeat(250)]) {
    assert.equal(refusal(bench, { name }), 'INVALID_TOPIC_EXCEPTION', name)
  }
  for (const name of ['x'.repeat(249), 'a.b', 'A-1_2']) assert.equal(refusal(bench, { name }), null)
  assert.equal(refusal(bench, { name: 'a.b' }), 'TOPIC_ALREADY_EXISTS')
  assert.equal(refusal(bench, { name: 'a_b' }), 'INVALID_TOPIC_EXCEPTION')
  bench.cluster.topics.delete(bench.cluster.topics.get('a.b') ?? assert.fail())
  assert.equal(refusal(bench, { name: 'a_b' }), null, 'the topic that it collided with is gone')
})

test('ids are 22 letters that tools take for no option, and none that Kafka keeps for itself', () => {
  const random = seededRandom(1)
  const ids = new Set(Array.from({ length: 5_000 }, () => randomId(random)))
  assert.equal(ids.size, 5_000)
  for (const id of ids) assert.match(id, /^[\w][\w-]{21}$/)
  assert.notEqual(
    randomId(() => 0),
    noId,
  )
  assert.notEqual(randomId(() => 0.98).charAt(0), '-')
})

test('leaders are spread over nodes, within a topic and from one topic to the next', () => {
  using bench = new ClusterBench({ nodes: 3 })
  for (let at = 0; at < 6; at++) bench.cluster.topics.create({ name: `single-${at}` })
  const singles = [...bench.cluster.topics].filter(({ name }) => name.startsWith('single'))
  const leaders = singles.map(({ partitions }) => partitions[0]?.leader)
  assert.deepEqual([...leaders].sort(), [1, 1, 2, 2, 3, 3])
  bench.cluster.topics.create({ name: 'wide', partitions: 6, replicas: 2 })
  const wide = replicasOf(bench, 'wide')
  assert.deepEqual([...wide.map(([leader]) => leader)].sort(), [1, 1, 2, 2, 3, 3])
  assert.deepEqual([...wide.map(([, follower]) => follower)].sort(), [1, 1, 2, 2, 3, 3])
})

test('replicas are on different nodes, on different racks where there are enough, and the first that runs leads', async () => {
  const property = fc.property(
    fc.array(fc.record({ rack: fc.constantFrom(null, 'a', 'b'), running: fc.boolean() }), {
      minLength: 1,
      maxLength: 6,
    }),
    fc.integer({ min: 1, max: 20 }),
    fc.nat(),
    (nodes, partitions, number) => {
      using bench = new ClusterBench()
      const { all } = bench.cluster.nodes
      all.length = 0
      for (const [at, node] of nodes.entries()) all.push({ id: at + 1, host: 'h', port: 1, ...node })
      const running = bench.cluster.nodes.running.map(({ id }) => id)
      if (running.length === 0) return
      const replicas = 1 + (number % nodes.length)
      const { partitions: made } = bench.cluster.topics.create({ name: 'x', partitions, replicas })
      for (const partition of made) {
        assert.equal(new Set(partition.replicas).size, replicas)
        assert.equal(partition.leader, partition.replicas[0], 'a stopped node is preferred')
        const wanted = Math.min(replicas, running.length)
        assert.equal(partition.isr.length, wanted, 'stopped nodes were taken though others run')
      }
      const leads = running.map(id => made.filter(({ leader }) => leader === id).length)
      assert.ok(Math.max(...leads) - Math.min(...leads) <= 1, `leaders: ${leads}`)
    },
  )
  fc.assert(property, { numRuns: 100 })
})

test('numbers of partitions and replicas are those that were asked for, or of the settings, within bounds', () => {
  using bench = new ClusterBench({ nodes: 2, config: { 'num.partitions': '3', 'default.replication.factor': '2' } })
  bench.cluster.topics.create({ name: 'default' })
  assert.deepEqual(
    replicasOf(bench, 'default').map(({ length }) => length),
    [2, 2, 2],
  )
  assert.equal(refusal(bench, { name: 'x', partitions: 0 }), 'INVALID_PARTITIONS')
  assert.equal(refusal(bench, { name: 'x', partitions: -2 }), 'INVALID_PARTITIONS')
  assert.equal(refusal(bench, { name: 'x', replicas: 0 }), 'INVALID_REPLICATION_FACTOR')
  assert.equal(refusal(bench, { name: 'x', replicas: 3 }), 'INVALID_REPLICATION_FACTOR')
})

test('replicas can be laid down, if they can be', () => {
  using bench = new ClusterBench({ nodes: 3 })
  bench.run(3, false)
  const assigned = (...assignments: number[][]) => refusal(bench, { name: 'x', assignments })
  for (const wrong of [[[1], [4]], [[1, 1]], [[]], [[1], [1, 2]], [[3]]]) {
    assert.equal(assigned(...wrong), 'INVALID_REPLICA_ASSIGNMENT', JSON.stringify(wrong))
  }
  assert.equal(refusal(bench, { name: 'x', assignments: [[1]], partitions: 1 }), 'INVALID_REQUEST')
  assert.equal(assigned([2, 1], [3, 2]), null)
  assert.deepEqual(replicasOf(bench, 'x'), [
    [2, 1],
    [3, 2],
  ])
  assert.deepEqual(
    bench.cluster.topics.get('x')?.partitions.map(({ leader }) => leader),
    [2, 2],
  )
})

test('what all topics may have in partitions is bounded, and deleting makes room', () => {
  using bench = new ClusterBench()
  const { topics } = bench.cluster
  for (let at = 0; at < 9; at++) topics.create({ name: `x${at}`, partitions: 2_000 })
  assert.equal(refusal(bench, { name: 'more', partitions: 2_000 }), 'POLICY_VIOLATION')
  assert.throws(() => topics.grow(topics.get('t') ?? assert.fail(), 2_100), { code: 'POLICY_VIOLATION' })
  topics.delete(topics.get('x0') ?? assert.fail())
  assert.equal(refusal(bench, { name: 'more', partitions: 2_000 }), null)
})

test('one request makes each topic once, or tells why not', async () => {
  using bench = new ClusterBench()
  const topic = (name: string, more = {}) => ({ name, numPartitions: 1, replicationFactor: 1, ...more })
  const { topics } = await bench.ask('CreateTopics', 7, {
    topics: [topic('a'), topic('b'), topic('b'), topic('t'), topic('c d'), topic('__consumer_offsets')],
  })
  assert.deepEqual(Object.fromEntries(topics.map(({ name, errorCode }) => [name, errorCode])), {
    a: errorCodes.NONE,
    b: errorCodes.INVALID_REQUEST,
    t: errorCodes.TOPIC_ALREADY_EXISTS,
    'c d': errorCodes.INVALID_TOPIC_EXCEPTION,
    __consumer_offsets: errorCodes.TOPIC_ALREADY_EXISTS,
  })
  assert.ok(topics.every(({ errorCode, errorMessage }) => (errorCode === 0) === (errorMessage === null)))
  assert.equal(bench.cluster.topics.get('b'), undefined)
  const [a] = topics
  assert.deepEqual([a?.topicId, a?.numPartitions], [bench.cluster.topics.get('a')?.id, 1])
  assert.equal(a?.configs?.length, 33)
})

test('what is only to be validated is not made', async () => {
  using bench = new ClusterBench()
  assert.equal((await bench.create({ name: 'x', numPartitions: 4 }, { validateOnly: true })).numPartitions, 4)
  assert.equal(bench.cluster.topics.get('x'), undefined)
  const topics = [{ name: 't', count: 4, assignments: null }]
  const grown = await bench.ask('CreatePartitions', 3, { topics, timeoutMs: 1, validateOnly: true })
  assert.equal(grown.results[0]?.errorCode, 0)
  assert.equal(bench.cluster.topics.get('t')?.partitions.length, 2)
})

test('a request for very many partitions is refused as a whole', async () => {
  using bench = new ClusterBench()
  const topics = ['a', 'b'].map(name => ({ name, numPartitions: 5_001, replicationFactor: 1 }))
  const answer = await bench.ask('CreateTopics', 5, { topics })
  assert.deepEqual(
    answer.topics.map(({ errorCode }) => errorCode),
    [errorCodes.POLICY_VIOLATION, errorCodes.POLICY_VIOLATION],
  )
})

test('partitions of a request with assignments are numbered from 0 without gaps, in any order', async () => {
  using bench = new ClusterBench({ nodes: 2 })
  const laid = (...assignments: [number, number][]) =>
    bench.create({
      name: 'x',
      numPartitions: -1,
      replicationFactor: -1,
      assignments: assignments.map(([partitionIndex, node]) => ({ partitionIndex, brokerIds: [node] })),
    })
  assert.equal((await laid([1, 1])).errorCode, errorCodes.INVALID_REPLICA_ASSIGNMENT)
  assert.equal((await laid([0, 1], [0, 2])).errorCode, errorCodes.INVALID_REPLICA_ASSIGNMENT)
  assert.equal((await laid([1, 1], [0, 2])).errorCode, 0)
  assert.deepEqual(replicasOf(bench, 'x'), [[2], [1]])
})

test('topics are deleted by name or by id, not by both, and not twice', async () => {
  using bench = new ClusterBench()
  const { topics } = bench.cluster
  const id = topics.get('t')?.id ?? ''
  const remove = async (...wanted: { name?: string | null; topicId?: string }[]) => {
    const named = wanted.map(({ name = null, topicId = noId }) => ({ name, topicId }))
    const { responses } = await bench.ask('DeleteTopics', 6, { topics: named, timeoutMs: 1 })
    return responses.map(({ name, errorCode }) => [name, errorCode])
  }
  const { INVALID_REQUEST, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION } = errorCodes
  assert.deepEqual(await remove({ name: 't', topicId: id }), [['t', INVALID_REQUEST]])
  assert.deepEqual(await remove({ name: 't' }, { topicId: id }), [['t', INVALID_REQUEST]])
  assert.deepEqual(await remove({ name: 't' }, { name: 't' }), [['t', INVALID_REQUEST]])
  assert.deepEqual(await remove({ topicId: id }, { topicId: id }, { name: 't' }), [
    [null, INVALID_REQUEST],
    ['t', INVALID_REQUEST],
  ])
  assert.deepEqual(await remove({}), [[null, INVALID_REQUEST]])
  assert.deepEqual(await remove({ topicId: 'x'.repeat(21).concat('A') }), [[null, UNKNOWN_TOPIC_ID]])
  assert.deepEqual(await remove({ topicId: id }, { name: 'nope' }), [
    ['t', 0],
    ['nope', UNKNOWN_TOPIC_OR_PARTITION],
  ])
  assert.deepEqual([topics.get('t'), topics.byId(id)], [undefined, undefined])
  const old = await bench.ask('DeleteTopics', 1, { topicNames: ['u'], timeoutMs: 1 })
  assert.deepEqual([old.responses[0]?.name, topics.get('u')], ['u', undefined])
})

test('topics are not deleted where that is switched off', async () => {
  using bench = new ClusterBench({ config: { 'delete.topic.enable': 'false' } })
  for (const [version, code] of [
    [1, errorCodes.INVALID_REQUEST],
    [4, errorCodes.TOPIC_DELETION_DISABLED],
  ] as const) {
    const { responses } = await bench.ask('DeleteTopics', version, { topicNames: ['t'], timeoutMs: 1 })
    assert.equal(responses[0]?.errorCode, code)
  }
  assert.ok(bench.cluster.topics.get('t'))
})

test('a topic that is made again has another id, and no offset of the old one is left', async () => {
  using bench = new ClusterBench()
  const { topics, groups } = bench.cluster
  const id = topics.get('t')?.id
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }]
  await bench.ask('OffsetCommit', 7, { groupId: 'g', memberId: '', topics: [{ name: 't', partitions }] })
  assert.equal(groups.get('g')?.offsets.get('t', 0)?.offset, 5)
  topics.delete(topics.get('t') ?? assert.fail())
  topics.create({ name: 't' })
  assert.notEqual(topics.get('t')?.id, id)
  assert.equal(groups.get('g')?.offsets.get('t', 0), undefined)
})

test('a topic grows, keeps what it has, and never shrinks', async () => {
  using bench = new ClusterBench({ nodes: 2 })
  const { topics } = bench.cluster
  const grow = async (count: number, assignments: readonly (readonly number[])[] | null = null, name = 't') => {
    const given = assignments?.map(brokerIds => ({ brokerIds })) ?? null
    const wanted = [{ name, count, assignments: given }]
    const { results } = await bench.ask('CreatePartitions', 3, { topics: wanted, timeoutMs: 1, validateOnly: false })
    return results[0]?.errorCode
  }
  const [first] = topics.get('t')?.partitions ?? []
  for (const count of [2, 1, 0, -1]) assert.equal(await grow(count), errorCodes.INVALID_PARTITIONS)
  assert.equal(await grow(3, null, 'nope'), errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  for (const wrong of [[], [[1], [1]], [[9]], [[1, 2]]]) {
    assert.equal(await grow(3, wrong), errorCodes.INVALID_REPLICA_ASSIGNMENT)
  }
  assert.equal(await grow(4, [[2], [1]]), 0)
  assert.equal(await grow(5), 0)
  assert.deepEqual(replicasOf(bench, 't').slice(2, 4), [[2], [1]])
  assert.equal(topics.get('t')?.partitions.length, 5)
  assert.equal(topics.get('t')?.partitions[0], first)
})
