import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Admin, type ConfigEntry, type ConfigOwner, OptionError } from '../../src/index.ts'
import { Recorder, startClient } from '../client/recorder.ts'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { until } from '../until.ts'

/** What `Admin` does with clusters, topics, settings and offsets. */
export function adminTests(start: (options: ClusterOptions) => Promise<Cluster>): void {
  let cluster: Cluster
  let admin: Admin
  before(async () => {
    cluster = await start({ nodes: 3 })
    admin = new Admin({ brokers: cluster.brokers, ...cluster.security, logger: new Recorder() })
  })
  after(async () => {
    await admin?.close()
    await cluster?.close()
  })

  /** Made, and known to all brokers. */
  async function made(topic: string, options: Parameters<Admin['createTopic']>[1] = {}): Promise<void> {
    await admin.createTopic(topic, options)
    await admin.waitForLeaders([topic])
  }

  const exists = async (topic: string) => (await admin.listTopics()).some(each => each.topic === topic)

  test('a topic is made as asked, by default as the brokers are set, and deleted', async () => {
    const created = await admin.createTopic('orders', {
      partitions: 2,
      replicas: 3,
      configs: { 'retention.ms': '60000' },
    })
    assert.deepEqual([created.partitions, created.replicas, created.error], [2, 3, null])
    await admin.waitForLeaders(['orders'])
    const [orders] = await admin.describeTopics(['orders'])
    assert.deepEqual(
      orders?.partitions.map(({ replicas, error }) => [replicas.length, error]),
      [
        [3, null],
        [3, null],
      ],
    )
    assert.equal(orders?.topicId, created.topicId)
    const ordinary = await admin.createTopic('ordinary')
    assert.deepEqual([ordinary.partitions, ordinary.replicas], [1, 3])
    await assert.rejects(admin.createTopic('orders'), {
      code: 'TOPIC_ALREADY_EXISTS',
      topic: 'orders',
      message: /^creating topic orders \(.*already exists.*\): /,
    })
    await admin.deleteTopic('ordinary')
    await assert.rejects(admin.deleteTopic('ordinary'), { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'ordinary' })
    await until('it is gone', async () => {
      return (await admin.describeTopics(['ordinary']))[0]?.error?.code === 'UNKNOWN_TOPIC_OR_PARTITION'
    })
    await until('it is not listed', async () => !(await exists('ordinary')))
  })

  test('what is only checked is not made, and has the error that it would have had', async () => {
    const { partitions, error } = await admin.createTopic('checked', { partitions: 4, validateOnly: true })
    assert.deepEqual([partitions, error], [4, null])
    await assert.rejects(admin.createTopic('checked', { replicas: 9, validateOnly: true }), {
      code: 'INVALID_REPLICATION_FACTOR',
    })
    await assert.rejects(admin.createTopic('checked', { configs: { 'retention.ms': 'soon' }, validateOnly: true }), {
      code: 'INVALID_CONFIG',
    })
    assert.equal(await exists('checked'), false)
  })

  test('of several topics each has its own outcome, in the order asked', async () => {
    const created = await admin.createTopics([
      { topic: 'first', partitions: 1 },
      { topic: 'not a name' },
      { topic: 'last', partitions: 3 },
    ])
    assert.deepEqual(
      created.map(({ topic, partitions, error }) => [topic, partitions, error?.code]),
      [
        ['first', 1, undefined],
        ['not a name', null, 'INVALID_TOPIC_EXCEPTION'],
        ['last', 3, undefined],
      ],
    )
    await admin.waitForLeaders(['first', 'last'])
    const deleted = await admin.deleteTopics(['last', 'nowhere', 'first'])
    assert.deepEqual(
      deleted.map(({ topic, error }) => [topic, error?.code, error?.topic]),
      [
        ['last', undefined, undefined],
        ['nowhere', 'UNKNOWN_TOPIC_OR_PARTITION', 'nowhere'],
        ['first', undefined, undefined],
      ],
    )
    assert.deepEqual([await admin.createTopics([]), await admin.deleteTopics([])], [[], []])
  })

  test('replicas are where they are assigned, of a new topic and of partitions that are added', async () => {
    const assignments = [
      [3, 1],
      [2, 3],
    ]
    await made('placed', { assignments })
    let replicas: readonly (readonly number[])[] = []
    const has = (count: number) =>
      until(`it has ${count}`, async () => {
        const [placed] = await admin.describeTopics(['placed'])
        replicas = (placed?.partitions ?? []).map(partition => partition.replicas)
        return replicas.length === count
      })
    await has(2)
    assert.deepEqual(replicas, assignments)
    await admin.createPartitions('placed', 3, { assignments: [[1, 2]] })
    await has(3)
    assert.deepEqual(replicas, [...assignments, [1, 2]])
    await admin.createPartitions('placed', 9, { validateOnly: true })
    await assert.rejects(admin.createPartitions('placed', 2), {
      code: 'INVALID_PARTITIONS',
      message: /creating partitions of topic placed/,
    })
    await assert.rejects(admin.createPartitions('nowhere', 2), { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'nowhere' })
    await has(3)
    await assert.rejects(admin.createTopic('both', { assignments, partitions: 2 }), OptionError)
  })

  test('once it is waited for, a topic is known to every broker and takes messages at once', async () => {
    await admin.createTopic('awaited', { partitions: 12 })
    await admin.waitForLeaders(['awaited'])
    await Promise.all(
      cluster.brokers.map(async broker => {
        await using client = startClient({ brokers: [broker], ...cluster.security })
        const topic = (await client.metadata(['awaited'])).topics.get('awaited')
        assert.ok(topic?.partitions.length === 12 && topic.partitions.every(({ leader }) => leader > 0))
      }),
    )
    await assert.rejects(admin.waitForLeaders(['awaited', 'nowhere'], { timeoutMs: 300 }), {
      code: 'REQUEST_TIMEOUT',
      message:
        /^Not every partition had a leader within 300 ms: topic nowhere \(UNKNOWN_TOPIC_OR_PARTITION\), as node \d/,
    })
    const abort = new AbortController()
    const waiting = admin.waitForLeaders(['nowhere'], { signal: abort.signal })
    abort.abort(new Error('enough'))
    await assert.rejects(waiting, { message: 'enough' })
  })

  /** One setting, when it is as expected: brokers take a moment to know what the controller has changed. */
  async function setting(owner: ConfigOwner, name: string, value: string | null) {
    let found: ConfigEntry | undefined
    await until(`${name} is ${value}`, async () => {
      ;[found] = await admin.describeConfigs(owner, { names: [name] })
      return found?.value === value
    })
    return found
  }

  test('settings are told with where they come from, and changed one by one', async () => {
    await made('kept', { configs: { 'retention.ms': '60000', 'cleanup.policy': 'delete' } })
    const kept = { topic: 'kept' }
    const entry = {
      name: 'retention.ms',
      value: '60000',
      source: 'DYNAMIC_TOPIC_CONFIG',
      inherited: false,
      readOnly: false,
      sensitive: false,
      type: 'LONG',
      synonyms: [],
      documentation: null,
    }
    assert.deepEqual(await setting(kept, 'retention.ms', '60000'), entry)
    await admin.alterConfigs(kept, { 'retention.ms': 70_000, 'cleanup.policy': { append: 'compact' } })
    await setting(kept, 'cleanup.policy', 'delete,compact')
    await admin.alterConfigs(kept, { 'cleanup.policy': { subtract: ['delete'] } }, { validateOnly: true })
    await admin.alterConfigs(kept, { 'retention.ms': null, 'cleanup.policy': { subtract: ['delete', 'none'] } })
    assert.equal((await setting(kept, 'cleanup.policy', 'compact'))?.type, 'LIST')
    const inherited = await setting(kept, 'retention.ms', '604800000')
    assert.deepEqual([inherited?.inherited, inherited?.source], [true, 'DEFAULT_CONFIG'])
    await assert.rejects(admin.alterConfigs(kept, { 'retention.ms': 'x', 'segment.ms': 1_000_000 }), {
      code: 'INVALID_CONFIG',
      topic: 'kept',
    })
    await assert.rejects(admin.describeConfigs({ topic: 'nowhere' }), {
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: /describing the settings of topic nowhere/,
    })
    let all: readonly ConfigEntry[] = []
    const policy = () => all.find(({ name }) => name === 'cleanup.policy')
    await until('it is compacted', async () => {
      all = await admin.describeConfigs(kept, { synonyms: true })
      return policy()?.value === 'compact'
    })
    assert.ok(all.length > 20)
    assert.deepEqual(policy()?.synonyms, [
      { name: 'cleanup.policy', value: 'compact', source: 'DYNAMIC_TOPIC_CONFIG' },
      { name: 'log.cleanup.policy', value: 'delete', source: 'DEFAULT_CONFIG' },
    ])
  })

  test('settings of one broker and of all brokers are told and changed', async () => {
    const own = await setting({ broker: 2 }, 'node.id', '2')
    assert.deepEqual([own?.readOnly, own?.inherited, own?.source], [true, false, 'STATIC_BROKER_CONFIG'])
    await admin.alterConfigs({ broker: 'default' }, { 'log.retention.ms': 90_000 })
    const common = await setting({ broker: 'default' }, 'log.retention.ms', '90000')
    assert.deepEqual([common?.source, common?.inherited], ['DYNAMIC_DEFAULT_BROKER_CONFIG', false])
    assert.equal((await setting({ broker: 3 }, 'log.retention.ms', '90000'))?.inherited, true)
    await admin.alterConfigs({ broker: 3 }, { 'log.retention.ms': 80_000 })
    assert.equal((await setting({ broker: 3 }, 'log.retention.ms', '80000'))?.source, 'DYNAMIC_BROKER_CONFIG')
    await setting({ broker: 1 }, 'log.retention.ms', '90000')
    await admin.alterConfigs({ broker: 3 }, { 'log.retention.ms': null })
    await admin.alterConfigs({ broker: 'default' }, { 'log.retention.ms': null })
    await setting({ broker: 3 }, 'log.retention.ms', null)
  })

  test('offsets are told for both ends, a time, and the largest timestamp', async () => {
    await made('timed', { partitions: 2 })
    const times = [1_000, 9_000, 5_000]
    await cluster.write(
      'timed',
      times.map(timestamp => ({ value: 'x', timestamp, partition: 1 })),
    )
    const place = { topic: 'timed', partition: 1 }
    const found = await admin.listOffsets([
      { ...place, position: 'max-timestamp' },
      { ...place, position: 'latest' },
      { ...place, position: { timestamp: 4_000 } },
      { ...place, position: { timestamp: 10_000 } },
      { topic: 'timed', partition: 7, position: 'max-timestamp' },
      { topic: 'timed', partition: 0, position: 'latest' },
      { ...place, position: 'earliest' },
    ])
    assert.deepEqual(
      found.map(({ partition, offset, error }) => [partition, offset, error?.code]),
      [
        [1, 1, undefined],
        [1, 3, undefined],
        [1, 1, undefined],
        [1, -1, undefined],
        [7, -1, 'UNKNOWN_TOPIC_OR_PARTITION'],
        [0, 0, undefined],
        [1, 0, undefined],
      ],
    )
    assert.equal(found[0]?.timestamp, 9_000)
    const transaction = cluster.transaction()
    await transaction.write('timed', [{ value: 'open', partition: 1 }])
    const ends = async (isolation: 'read_committed' | 'read_uncommitted') =>
      (await admin.listOffsets([{ ...place, position: 'latest' }], { isolation }))[0]?.offset
    assert.deepEqual([await ends('read_committed'), await ends('read_uncommitted')], [3, 4])
    await transaction.abort()
  })

  test('the beginning of partitions is deleted, each with its own outcome', async () => {
    await made('trimmed', { partitions: 2 })
    await cluster.write(
      'trimmed',
      [0, 0, 0, 1, 1].map(partition => ({ value: 'x', partition })),
    )
    const deleted = await admin.deleteRecords([
      { topic: 'trimmed', partition: 0, before: 2 },
      { topic: 'trimmed', partition: 5, before: 2 },
      { topic: 'trimmed', partition: 1, before: 'latest' },
      { topic: 'trimmed', partition: 0, before: 99 },
    ])
    assert.deepEqual(
      deleted.map(({ partition, earliest, error }) => [partition, earliest, error?.code]),
      [
        [0, 2, undefined],
        [5, -1, 'UNKNOWN_TOPIC_OR_PARTITION'],
        [1, 2, undefined],
        [0, -1, 'OFFSET_OUT_OF_RANGE'],
      ],
    )
    const ends = await admin.listOffsets(
      [0, 1].map(partition => ({ topic: 'trimmed', partition, position: 'earliest' })),
    )
    assert.deepEqual(
      ends.map(({ offset }) => offset),
      [2, 2],
    )
  })

  test('the cluster tells its id, its brokers, its controller, and what they can do', async () => {
    const { clusterId, controller, brokers } = await admin.describeCluster()
    assert.match(clusterId ?? '', /^[\w-]{22}$/)
    assert.deepEqual(
      brokers.map(({ nodeId, host, port, rack, fenced }) => [nodeId, `${host}:${port}`, rack, fenced]).sort(),
      cluster.brokers.map((address, index) => [index + 1, address, null, false]),
    )
    assert.ok([1, 2, 3].includes(controller))
    const { apis, supportedFeatures, finalizedFeatures } = await admin.brokerVersions(2)
    const fetch = apis.find(({ name }) => name === 'Fetch')
    assert.ok(fetch !== undefined && fetch.key === 1 && fetch.maxVersion >= 12)
    for (const features of [supportedFeatures, finalizedFeatures]) {
      const level = features.find(({ name }) => name === 'metadata.version')?.maxVersion
      assert.equal(level, { '4.1.1': 27, '3.9.1': 21 }[cluster.version])
    }
  })

  test('a client of its own is closed with it, one that was given is not', async () => {
    const owner = new Admin({ brokers: cluster.brokers, ...cluster.security })
    {
      await using mine = owner
      await mine.describeCluster()
    }
    await assert.rejects(owner.listTopics(), { code: 'CLOSED' })
    await using client = startClient({ brokers: cluster.brokers, ...cluster.security })
    const guest = new Admin(client)
    await guest.close()
    assert.ok((await guest.describeCluster()).brokers.length > 0)
    assert.throws(() => new Admin({ brokers: [] }), OptionError)
  })

  test('while a broker is gone, the others are asked', async () => {
    await cluster.kill(2)
    const created = await admin.createTopics([{ topic: 'meanwhile', partitions: 2, replicas: 2 }])
    assert.deepEqual([created[0]?.error?.code], [undefined])
    await admin.waitForLeaders(['meanwhile'])
    await admin.alterConfigs({ topic: 'meanwhile' }, { 'retention.ms': 5_000 })
    assert.ok((await admin.describeCluster()).brokers.length >= 2)
  })
}
