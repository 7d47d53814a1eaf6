import { type ApiName, api } from '../../../src/protocol/apis.ts'
import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { writeBatch } from '../../../src/records/batch-writer.ts'
import type { RawConnection } from '../../broker/raw-connection.ts'
import { until } from '../../until.ts'
import type { Probe, ProbeTopic, Script } from '../probe.ts'
import { login, type User } from '../users.ts'

const operations = { all: 2, read: 3, write: 4, create: 5, delete: 6, alter: 7, describe: 8 }
const moreOperations = { ...operations, describeConfigs: 10, alterConfigs: 11, idempotentWrite: 12 }
const types = { topic: 2, group: 3, cluster: 4, transactionalId: 5 }
type Rule = readonly [
  type: keyof typeof types,
  name: string,
  operation: keyof typeof moreOperations,
  more?: { readonly prefix?: true; readonly deny?: true; readonly host?: string; readonly principal?: string },
]

/** A filter that leaves everything open. */
const anyRule = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

const clusterName = 'kafka-cluster'

function creation(user: string, [type, name, operation, more = {}]: Rule) {
  return {
    resourceType: types[type],
    resourceName: name,
    resourcePatternType: more.prefix ? 4 : 3,
    principal: more.principal ?? `User:${user}`,
    host: more.host ?? '*',
    operation: moreOperations[operation],
    permissionType: more.deny ? 2 : 3,
  }
}

/** Makes rules, and waits until they count: in Kafka they do so one after another, and a little later. */
async function allow(probe: Probe, user: User, rules: readonly Rule[]): Promise<RawConnection> {
  const marker = await probe.topic(`marker-${user}`)
  const last: Rule = ['topic', marker.name, 'describe']
  await probe.setUp('CreateAcls', { creations: [...rules, last].map(rule => creation(user, rule)) })
  const on = await probe.connect(1, login(user))
  await until('the rules count', async () => {
    const topics = [{ name: marker.name }]
    return (await probe.setUp('Metadata', { topics, allowAutoTopicCreation: false }, { on })).topics[0]?.errorCode === 0
  })
  return on
}

type Body = (version: number) => Encodable<Requests[ApiName]>

interface Names {
  readonly topics: readonly ProbeTopic[]
  readonly groups: readonly string[]
  readonly ids: readonly string[]
}

/** A request of each API that asks about two of everything that it may ask about. */
function bodies({ topics, groups, ids }: Names): { readonly [N in ApiName]?: Body } {
  const [group = ''] = groups
  const [transactionalId = ''] = ids
  const each = <T>(inside: (topic: ProbeTopic) => T) => topics.map(inside)
  const named = <P>(partition: P) => each(({ name }) => ({ name, partitions: [partition] }))
  const commits = named({ partitionIndex: 0, committedOffset: 0 })
  const indexes = each(({ name }) => ({ name, partitionIndexes: [0] }))
  const member = { groupId: group, memberId: 'nobody', generationId: 1 }
  const producer = { transactionalId, producerId: 1, producerEpoch: 0 }
  const resources = [
    ...each(({ name }) => ({ resourceType: 2, resourceName: name, configs: [] })),
    { resourceType: 4, resourceName: '1', configs: [] },
  ]
  return {
    Produce: version => ({
      acks: -1,
      timeoutMs: 1_000,
      topicData: each(({ name, id }) => ({
        ...(version < 13 ? { name } : { topicId: id }),
        partitionData: [{ index: 0, records: writeBatch([{ value: 'x' }]) }],
      })),
    }),
    Fetch: version => ({
      maxWaitMs: 0,
      maxBytes: 1,
      topics: each(({ name, id }) => ({
        ...(version < 13 ? { topic: name } : { topicId: id }),
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }],
      })),
    }),
    ListOffsets: () => ({ replicaId: -1, topics: named({ partitionIndex: 0, timestamp: -2 }) }),
    OffsetForLeaderEpoch: () => ({
      topics: each(({ name }) => ({ topic: name, partitions: [{ partition: 0, leaderEpoch: 0 }] })),
    }),
    Metadata: version => ({
      topics: each(({ name, id }) => (version < 12 ? { name } : { name: null, topicId: id })),
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
      allowAutoTopicCreation: false,
    }),
    DescribeTopicPartitions: () => ({ topics: each(({ name }) => ({ name })), responsePartitionLimit: 10 }),
    OffsetCommit: () => ({ groupId: group, generationIdOrMemberEpoch: -1, topics: commits }),
    OffsetFetch: version =>
      version < 8
        ? { groupId: group, topics: indexes }
        : { groups: groups.map(groupId => ({ groupId, topics: indexes })) },
    FindCoordinator: version => (version < 4 ? { key: group } : { coordinatorKeys: groups }),
    JoinGroup: () => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [],
      memberId: 'nobody',
    }),
    SyncGroup: () => ({ ...member, protocolType: 'consumer', protocolName: 'range', assignments: [] }),
    Heartbeat: () => member,
    LeaveGroup: version => (version < 3 ? member : { groupId: group, members: [{ memberId: 'nobody' }] }),
    DescribeGroups: () => ({ groups, includeAuthorizedOperations: true }),
    DeleteGroups: () => ({ groupsNames: groups }),
    OffsetDelete: () => ({ groupId: group, topics: named({ partitionIndex: 0 }) }),
    CreateTopics: () => ({
      topics: each(({ name }) => ({ name: `${name}-new`, numPartitions: 1, replicationFactor: 1 })),
      validateOnly: true,
    }),
    DeleteTopics: version => {
      const gone = each(({ name }) => `${name}-gone`)
      return { timeoutMs: 5_000, ...(version < 6 ? { topicNames: gone } : { topics: gone.map(name => ({ name })) }) }
    },
    CreatePartitions: () => ({
      topics: each(({ name }) => ({ name, count: 2, assignments: null })),
      timeoutMs: 5_000,
      validateOnly: true,
    }),
    DeleteRecords: () => ({ topics: named({ partitionIndex: 0, offset: 0 }) }),
    DescribeConfigs: () => ({ resources: resources.map(each => ({ ...each, configurationKeys: ['retention.ms'] })) }),
    AlterConfigs: () => ({ resources: resources.slice(0, topics.length), validateOnly: true }),
    IncrementalAlterConfigs: () => ({ resources: resources.slice(0, topics.length), validateOnly: true }),
    InitProducerId: () => ({ transactionalId, transactionTimeoutMs: 1_000 }),
    AddPartitionsToTxn: version =>
      version < 4
        ? {
            v3AndBelowTransactionalId: transactionalId,
            v3AndBelowProducerId: 1,
            v3AndBelowProducerEpoch: 0,
            v3AndBelowTopics: each(({ name }) => ({ name, partitions: [0] })),
          }
        : { transactions: [{ ...producer, topics: each(({ name }) => ({ name, partitions: [0] })) }] },
    AddOffsetsToTxn: () => ({ ...producer, groupId: group }),
    EndTxn: () => ({ ...producer, committed: true }),
    TxnOffsetCommit: () => ({ ...producer, ...member, topics: commits }),
    DescribeTransactions: () => ({ transactionalIds: ids }),
    ListTransactions: () => ({ durationFilter: -1 }),
    ListGroups: () => ({}),
    DescribeCluster: () => ({ includeClusterAuthorizedOperations: true }),
    DescribeAcls: () => anyRule,
    CreateAcls: () => ({
      creations: [creation('zoe', ['topic', 'x', 'read']), creation('zoe', ['topic', '', 'read'])],
    }),
    DeleteAcls: () => ({
      filters: [1, 3].map(patternTypeFilter => ({ ...anyRule, patternTypeFilter, resourceNameFilter: 'nothing' })),
    }),
  }
}

/** Asks all of it, in every version. */
async function askAll(probe: Probe, on: RawConnection, names: Names): Promise<void> {
  for (const [name, body] of Object.entries(bodies(names)) as [ApiName, Body][]) {
    const { minVersion, maxVersion } = api(name)
    // What brokers ask one another from version 4 on is for controllers in Kafka.
    const last = name === 'AddPartitionsToTxn' ? 3 : maxVersion
    for (let version = minVersion; version <= last; version++) {
      await probe.ask(`${name} v${version}`, name, version, body(version), { on, view: answer => own(probe, answer) })
    }
  }
}

/** Other scripts have topics, groups and rules too. */
function own<T extends object>(probe: Probe, answer: T): T {
  const ours = (list: readonly { readonly groupId?: string; readonly transactionalId?: string }[]) =>
    list.filter(({ groupId, transactionalId }) => probe.isOwn(groupId ?? transactionalId ?? ''))
  const { groups, transactionStates, resources } = answer as Partial<Responses['ListGroups']> &
    Partial<Responses['ListTransactions']> &
    Partial<Responses['DescribeAcls']>
  return {
    ...answer,
    ...(groups && { groups: ours(groups) }),
    ...(transactionStates && { transactionStates: ours(transactionStates) }),
    ...(resources && { resources: resources.filter(({ resourceName }) => probe.isOwn(resourceName)) }),
  }
}

async function names(probe: Probe): Promise<Names> {
  return {
    topics: [await probe.topic('one'), await probe.topic('two')],
    groups: ['one', 'two'].map(name => probe.named(name)),
    ids: ['one', 'two'].map(name => probe.named(name)),
  }
}

/** Groups and transactions that there are. */
async function fill(probe: Probe, { topics, groups, ids }: Names): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: 1 }]
  for (const groupId of groups) {
    const committed = topics.map(({ name }) => ({ name, topicId: name, partitions }))
    await probe.setUp('OffsetCommit', { groupId, generationIdOrMemberEpoch: -1, topics: committed })
  }
  for (const transactionalId of ids)
    await probe.setUp('InitProducerId', { transactionalId, transactionTimeoutMs: 1_000 })
}

/** In an order that depends on nothing but what is in it. */
function sorted<T>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

export const aclScripts: readonly Script[] = [
  {
    name: 'without rights',
    run: async probe => {
      const all = await names(probe)
      await fill(probe, all)
      await askAll(probe, await allow(probe, 'alice', []), all)
    },
  },
  {
    name: 'with rights for one of two',
    run: async probe => {
      const all = await names(probe)
      await fill(probe, all)
      const one = probe.named('one')
      const rules: Rule[] = [
        ['topic', one, 'all', { prefix: true }],
        ['group', one, 'all'],
        ['transactionalId', one, 'all'],
      ]
      await askAll(probe, await allow(probe, 'bob', rules), all)
    },
  },
  {
    name: 'what may be done',
    run: async probe => {
      const topics = ['read', 'write', 'altered', 'deny', 'star', 'prefixed', 'none', 'host'].map(name =>
        probe.named(name),
      )
      for (const name of ['read', 'write', 'altered', 'deny', 'star', 'prefixed', 'none', 'host'])
        await probe.topic(name)
      const on = await allow(probe, 'carol', [
        ['topic', probe.named('read'), 'read'],
        ['topic', probe.named('write'), 'write'],
        ['topic', probe.named('altered'), 'alterConfigs'],
        ['topic', probe.named('deny'), 'all'],
        ['topic', probe.named('deny'), 'describe', { deny: true }],
        ['topic', probe.named('star'), 'delete', { principal: 'User:*' }],
        ['topic', probe.named('prefix'), 'alter', { prefix: true }],
        ['topic', probe.named('host'), 'read', { host: '10.0.0.1' }],
        ['topic', probe.named('host'), 'describe', { host: '127.0.0.1' }],
        ['group', probe.named('g'), 'read'],
        ['cluster', clusterName, 'describe'],
        ['cluster', clusterName, 'alterConfigs'],
      ])
      const more = { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }
      const ask = (step: string, name: string) =>
        probe.ask(
          step,
          'Metadata',
          10,
          { topics: [{ name }], allowAutoTopicCreation: true, ...more },
          {
            on,
            view: ({ topics, clusterAuthorizedOperations }) => ({ topics, clusterAuthorizedOperations }),
          },
        )
      for (const topic of topics) await ask(topic, topic)
      await ask('a topic that is not there', probe.named('nowhere'))
      await ask('a topic that is not there and may be described', probe.named('prefix-new'))
      const groups = [probe.named('g'), probe.named('h')]
      await probe.ask('groups', 'DescribeGroups', 5, { groups, includeAuthorizedOperations: true }, { on })
      await probe.ask('cluster', 'DescribeCluster', 0, { includeClusterAuthorizedOperations: true }, { on })
      await probe.ask(
        'no transaction',
        'InitProducerId',
        4,
        { transactionalId: null, transactionTimeoutMs: 1_000 },
        { on },
      )
    },
  },
  {
    name: 'rules',
    run: async probe => {
      const sound = creation('eve', ['topic', probe.named('t'), 'read'])
      const create = (step: string, ...creations: object[]) =>
        probe.ask(step, 'CreateAcls', 3, { creations: creations.map(each => ({ ...sound, ...each })) })
      await create('sound', {}, { resourcePatternType: 4 }, { resourceName: '*' }, { permissionType: 2 })
      await create('twice', {}, {})
      await create('an operation that the type lacks', { resourceType: 3, operation: 4 })
      await create('a cluster of another name', { resourceType: 4, resourceName: 'x' })
      await create('no name', { resourceName: '' })
      await create('no type of principal', { principal: 'eve' })
      await create('another type of principal', { principal: 'Group:eve' })
      await create('no principal', { principal: '' })
      const mine = { ...anyRule, principalFilter: 'User:eve' }
      const describe = (step: string, filter: object) =>
        probe.ask(
          step,
          'DescribeAcls',
          3,
          { ...mine, ...filter },
          {
            until: ({ resources }) => resources.length >= (step === 'all' ? 4 : 0),
            view: ({ resources, ...rest }) => {
              return { ...rest, resources: sorted(resources.map(each => ({ ...each, acls: sorted(each.acls) }))) }
            },
          },
        )
      await describe('all', {})
      await describe('topics', { resourceTypeFilter: 2 })
      await describe('by name', { resourceNameFilter: probe.named('t') })
      await describe('by a name that they match', { resourceNameFilter: probe.named('t'), patternTypeFilter: 2 })
      await describe('by a name that a prefix matches', {
        resourceNameFilter: probe.named('tea'),
        patternTypeFilter: 2,
      })
      await describe('literal ones', { patternTypeFilter: 3 })
      await describe('prefixes', { patternTypeFilter: 4 })
      await describe('denials', { permissionType: 2 })
      await describe('of an operation', { operation: 4 })
      await describe('of a host', { hostFilter: '10.0.0.1' })
      await describe('of nobody', { principalFilter: 'User:nobody' })
      const filters = [
        { ...mine, permissionType: 2 },
        { ...mine, resourceNameFilter: probe.named('t') },
        { ...mine, operation: 4 },
      ]
      await probe.ask(
        'deleted',
        'DeleteAcls',
        3,
        { filters },
        {
          view: ({ filterResults, ...rest }) => {
            const results = filterResults.map(each => ({ ...each, matchingAcls: sorted(each.matchingAcls) }))
            return { ...rest, filterResults: results }
          },
        },
      )
      await probe.ask('what is left', 'DescribeAcls', 3, mine, {
        until: ({ resources }) => resources.length === 1,
      })
    },
  },
]
