import { type ApiName, api } from '../../../src/protocol/apis.ts'
import type { Responses } from '../../../src/protocol/messages.ts'
import { everyVersion, noId, type Probe, type Script } from '../probe.ts'

/** What the embedded broker is to have; Kafka has more. */
export const served: readonly ApiName[] = [
  'Produce',
  'Fetch',
  'ListOffsets',
  'Metadata',
  'OffsetCommit',
  'OffsetFetch',
  'FindCoordinator',
  'JoinGroup',
  'Heartbeat',
  'LeaveGroup',
  'SyncGroup',
  'DescribeGroups',
  'ListGroups',
  'ApiVersions',
  'CreateTopics',
  'DeleteTopics',
  'DeleteRecords',
  'InitProducerId',
  'OffsetForLeaderEpoch',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'EndTxn',
  'TxnOffsetCommit',
  'DescribeConfigs',
  'CreatePartitions',
  'DeleteGroups',
  'IncrementalAlterConfigs',
  'OffsetDelete',
  'DescribeCluster',
  'DescribeTopicPartitions',
  'AlterConfigs',
  'ListTransactions',
  'DescribeTransactions',
]

/** Versions and features, metadata, coordinators: what a client asks first. */
export const clusterScripts: readonly Script[] = [
  ...everyVersion('api versions', 'ApiVersions', async (probe, version) => {
    const body = { clientSoftwareName: 'probe', clientSoftwareVersion: '1.0' }
    const keys = new Set(served.map(name => api(name).key))
    await probe.ask('asked', 'ApiVersions', version, body, {
      view: answer => ({ ...answer, apiKeys: answer.apiKeys.filter(({ apiKey }) => keys.has(apiKey)) }),
    })
    await probe.ask('no name of the software', 'ApiVersions', version, {}, { view: ({ errorCode }) => errorCode })
    await probe.ask('a second time', 'ApiVersions', version, body, { view: ({ errorCode }) => errorCode })
  }),

  ...everyVersion('metadata', 'Metadata', async (probe, version) => {
    const two = await probe.topic('two', 2)
    const own = { view: (answer: Responses['Metadata']) => ({ ...answer, topics: ownTopics(probe, answer) }) }
    const ask = (step: string, topics: readonly { name: string | null; topicId?: string }[] | null, more = {}) =>
      probe.ask(step, 'Metadata', version, { topics, allowAutoTopicCreation: false, ...more })
    await probe.ask('all', 'Metadata', version, { topics: version === 0 ? [] : null }, own)
    await ask('by name', [{ name: two.name }])
    await ask('by name twice', [{ name: two.name }, { name: two.name }])
    await ask('names that are not legal', [{ name: 'a b' }, { name: '..' }, { name: 'x'.repeat(250) }])
    await ask('the empty name', [{ name: '' }])
    if (version > 0) await ask('none', [])
    if (version > 3) await ask('unknown', [{ name: probe.named('unknown') }, { name: two.name }])
    if (version >= 8) await ask('with operations', [{ name: two.name }], operations(version))
    if (version < 10) return
    await ask('by id', [{ name: null, topicId: two.id }])
    await ask('by an id that is unknown', [{ name: null, topicId: noId }])
    await ask('by id and name', [{ name: two.name, topicId: two.id }])
    await ask('by neither', [{ name: null }])
  }),

  ...everyVersion('automatic creation', 'Metadata', async (probe, version) => {
    const topics = [{ name: probe.named('new') }]
    await probe.ask('first', 'Metadata', version, { topics, allowAutoTopicCreation: true })
    await probe.ask(
      'later',
      'Metadata',
      version,
      { topics, allowAutoTopicCreation: true },
      {
        until: ({ topics }) => topics[0]?.errorCode === 0,
      },
    )
    await probe.ask('no legal name', 'Metadata', version, { topics: [{ name: 'a/b' }], allowAutoTopicCreation: true })
  }),

  ...everyVersion('describe cluster', 'DescribeCluster', async (probe, version) => {
    await probe.ask('asked', 'DescribeCluster', version, {})
    await probe.ask('with operations', 'DescribeCluster', version, { includeClusterAuthorizedOperations: true })
    await probe.ask('with fenced brokers', 'DescribeCluster', version, { includeFencedBrokers: true })
    await probe.ask('controllers', 'DescribeCluster', version, { endpointType: 2 })
    await probe.ask('an unknown type', 'DescribeCluster', version, { endpointType: 9 })
  }),

  ...everyVersion('describe topic partitions', 'DescribeTopicPartitions', async (probe, version) => {
    const a = await probe.topic('a', 3)
    const b = await probe.topic('b', 2)
    const topics = [{ name: a.name }, { name: b.name }]
    const ask = (step: string, body: object) =>
      probe.ask(step, 'DescribeTopicPartitions', version, { responsePartitionLimit: 100, topics, ...body })
    await ask('two topics', {})
    await ask('unknown and not legal', { topics: [{ name: probe.named('unknown') }, { name: 'a b' }, { name: '' }] })
    await ask('the first four', { responsePartitionLimit: 4 })
    await ask('from the cursor on', { cursor: { topicName: b.name, partitionIndex: 1 } })
    await ask('from the middle of the first', {
      cursor: { topicName: a.name, partitionIndex: 2 },
      responsePartitionLimit: 1,
    })
    await ask('a cursor behind the last partition', { cursor: { topicName: b.name, partitionIndex: 9 } })
    await ask('a cursor behind the last topic', { cursor: { topicName: probe.named('c'), partitionIndex: 0 } })
    await ask('a cursor before its first partition', { cursor: { topicName: b.name, partitionIndex: -1 } })
    await ask('a limit of none', { responsePartitionLimit: 0 })
    await ask('the same topic twice', { topics: [{ name: b.name }, { name: b.name }] })
    await probe.ask(
      'all',
      'DescribeTopicPartitions',
      version,
      { topics: [], responsePartitionLimit: 2_000 },
      {
        view: answer => ({ ...answer, topics: answer.topics.filter(({ name }) => probe.isOwn(name)) }),
      },
    )
  }),

  ...everyVersion('find coordinator', 'FindCoordinator', async (probe, version) => {
    const ask = (step: string, keyType: number, ...names: string[]) => {
      const keys = version < 4 ? { key: names[0] ?? '' } : { coordinatorKeys: names }
      return probe.ask(step, 'FindCoordinator', version, { keyType, ...keys })
    }
    await ask('of a group', 0, probe.named('group'))
    await ask('of the group without a name', 0, '')
    if (version === 0) return
    await ask('of a transaction', 1, probe.named('transaction'))
    await ask('of the transaction without a name', 1, '')
    await ask('of an unknown type', 9, probe.named('what'))
    await ask('of no share group', 2, probe.named('share'))
    if (version < 4) return
    await ask('of several', 0, probe.named('a'), probe.named('b'))
    await ask('of the same twice', 0, probe.named('a'), probe.named('a'))
    await ask('of none', 0)
  }),
]

function ownTopics(probe: Probe, { topics }: Responses['Metadata']): object[] {
  return topics.filter(({ name }) => probe.isOwn(name))
}

function operations(version: number): object {
  return { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: version <= 10 }
}
