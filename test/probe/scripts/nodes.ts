import type { ApiName } from '../../../src/protocol/apis.ts'
import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { writeBatch } from '../../../src/records/batch-writer.ts'
import { everyVersion, type Probe, type ProbeTopic, type Script } from '../probe.ts'
import { fetchBody } from './fetch-body.ts'

/** One replica on node 2, so that the script's own connection is to a node that has nothing of it. */
async function topicOnNode2(probe: Probe, replicas: readonly number[] = [2]): Promise<ProbeTopic> {
  const name = probe.named('elsewhere')
  const assignments = [{ partitionIndex: 0, brokerIds: replicas }]
  const topic = { name, numPartitions: -1, replicationFactor: -1, assignments }
  const { topics } = await probe.setUp('CreateTopics', { topics: [topic] })
  await probe.served(name, 1, await probe.connect(2))
  for (const node of [1, 3]) await knows(probe, name, node)
  return { name, id: topics[0]?.topicId ?? '' }
}

/** Waits until this node tells the leader too. */
async function knows(probe: Probe, name: string, node: number): Promise<void> {
  const until = ({ topics }: Responses['Metadata']) => topics[0]?.partitions[0]?.leaderId === 2
  await probe.setUp('Metadata', { topics: [{ name }] }, { on: await probe.connect(node), until })
}

function produceBody({ name, id }: ProbeTopic): Encodable<Requests['Produce']> {
  const records = writeBatch([{ value: 'x', timestamp: 1_600_000_000_000 }])
  return { acks: -1, timeoutMs: 5_000, topicData: [{ name, topicId: id, partitionData: [{ index: 0, records }] }] }
}

/** A node that does not coordinate this group or transaction; the nodes themselves may differ. */
async function strangerTo(probe: Probe, key: string, keyType: 0 | 1) {
  const until = ({ coordinators }: Responses['FindCoordinator']) => coordinators[0]?.errorCode === 0
  const found = await probe.setUp('FindCoordinator', { keyType, coordinatorKeys: [key] }, { until })
  return probe.connect(((found.coordinators[0]?.nodeId ?? 1) % 3) + 1)
}

/** Asks the wrong coordinator, in every version. */
function wrongCoordinator<N extends ApiName>(
  name: N,
  keyType: 0 | 1,
  body: (key: string, topic: string) => Encodable<Requests[N]>,
): Script[] {
  return everyVersion(`the wrong coordinator: ${name}`, name, async (probe, version) => {
    const key = probe.named('key')
    const topic = await topicOnNode2(probe)
    await probe.ask('asked', name, version, body(key, topic.name), { on: await strangerTo(probe, key, keyType) })
  })
}

const member = { memberId: 'nobody', generationId: 1 }
const commits = (name: string) => [
  { name, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] },
]

export const nodeScripts: readonly Script[] = [
  ...everyVersion('metadata of three nodes', 'Metadata', async (probe, version) => {
    const { name } = await topicOnNode2(probe, [2, 3, 1])
    await probe.ask(
      'asked',
      'Metadata',
      version,
      { topics: [{ name }] },
      {
        view: answer => ({ ...answer, controllerId: 'any' }),
        until: ({ topics }) => topics[0]?.partitions[0]?.isrNodes.length === 3,
      },
    )
  }),

  ...everyVersion('produce to the wrong node', 'Produce', async (probe, version) => {
    const topic = await topicOnNode2(probe)
    await probe.ask('asked', 'Produce', version, produceBody(topic))
    const leader = await probe.connect(2)
    await probe.ask('asked the leader', 'Produce', version, produceBody(topic), { on: leader })
  }),

  ...everyVersion('fetch from the wrong node', 'Fetch', async (probe, version) => {
    const topic = await topicOnNode2(probe)
    await probe.ask('asked', 'Fetch', version, fetchBody(topic))
    if (version >= 9)
      await probe.ask('asked with the epoch', 'Fetch', version, fetchBody(topic, { currentLeaderEpoch: 0 }))
  }),

  ...everyVersion(
    'fetch in a rack',
    'Fetch',
    async (probe, version) => {
      const topic = await topicOnNode2(probe, [2, 1])
      const [leader, follower] = [await probe.connect(2), await probe.connect(1)]
      for (let n = 0; n < 2; n++) await probe.setUp('Produce', produceBody(topic), { on: leader })
      // It hears of the high watermark with its next fetch.
      await probe.setUp('Fetch', fetchBody(topic), {
        on: follower,
        until: ({ responses }) => responses[0]?.partitions[0]?.highWatermark === 2,
      })
      const fetch = (step: string, on: typeof leader, rackId: string, partition = {}, more = {}) =>
        probe.ask(step, 'Fetch', version, fetchBody(topic, partition, { rackId, ...more }), { on })
      await fetch('without one', leader, '')
      await fetch('in that of a follower', leader, 'a')
      await fetch('in that of the leader', leader, 'b')
      await fetch('in that of a node without a replica', leader, 'c')
      await fetch('in one of no node', leader, 'x')
      await fetch('of a follower, at the end', leader, 'a', { fetchOffset: 2 })
      await fetch('of a follower, beyond the end', leader, 'a', { fetchOffset: 3 })
      await fetch('of a follower, before the start', leader, 'a', { fetchOffset: -1 })
      await fetch('of a follower, in another epoch', leader, 'a', { currentLeaderEpoch: 9 })
      const patient = { maxWaitMs: 10_000, minBytes: 1 }
      const atEnd = fetchBody(topic, { fetchOffset: 2 }, { rackId: 'a', ...patient })
      await probe.ask('it does not wait', 'Fetch', version, atEnd, { on: leader, waits: 10_000 })
      await fetch('from the follower', follower, 'a')
      await fetch('from the follower in the rack of the leader', follower, 'b')
      await fetch('from the follower, at the end', follower, 'a', { fetchOffset: 2 })
      await fetch('from the follower, beyond the end', follower, 'a', { fetchOffset: 3 })
      await fetch('from the follower, in an epoch', follower, 'a', { currentLeaderEpoch: 0 })
      await fetch('from the follower, in another epoch', follower, 'a', { currentLeaderEpoch: 9 })
      const made = await fetch('a session', leader, 'a', { fetchOffset: 2 }, { sessionEpoch: 0 })
      const { sessionId } = made
      await fetch('it goes on', leader, 'a', {}, { sessionId, sessionEpoch: 1, topics: [] })
      await fetch('it goes on in no rack', leader, '', {}, { sessionId, sessionEpoch: 2, topics: [] })
    },
    11,
  ),

  ...everyVersion('list offsets of the wrong node', 'ListOffsets', async (probe, version) => {
    const { name } = await topicOnNode2(probe)
    const partitions = [{ partitionIndex: 0, timestamp: -1 }]
    await probe.ask('asked', 'ListOffsets', version, { replicaId: -1, topics: [{ name, partitions }] })
  }),

  ...everyVersion('leader epoch of the wrong node', 'OffsetForLeaderEpoch', async (probe, version) => {
    const { name } = await topicOnNode2(probe)
    const partitions = [{ partition: 0, leaderEpoch: 0 }]
    await probe.ask('asked', 'OffsetForLeaderEpoch', version, { replicaId: -1, topics: [{ topic: name, partitions }] })
  }),

  ...everyVersion('delete records of the wrong node', 'DeleteRecords', async (probe, version) => {
    const { name } = await topicOnNode2(probe)
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset: 0 }] }]
    await probe.ask('asked', 'DeleteRecords', version, { timeoutMs: 5_000, topics })
  }),

  ...everyVersion('topics of any node', 'CreateTopics', async (probe, version) => {
    const name = probe.named('any')
    const on = await probe.connect(3)
    const view = ({ topics }: { topics: readonly { errorCode: number }[] }) => topics.map(({ errorCode }) => errorCode)
    const created = { name, numPartitions: 3, replicationFactor: 3 }
    await probe.ask('created', 'CreateTopics', version, { timeoutMs: 5_000, topics: [created] }, { on, view })
    const copies = { ...created, name: probe.named('four'), replicationFactor: 4 }
    await probe.ask('four replicas', 'CreateTopics', version, { timeoutMs: 5_000, topics: [copies] }, { on, view })
  }),

  {
    name: 'a leader that moves',
    run: async probe => {
      const topic = await topicOnNode2(probe, [2, 1])
      const [first, second] = [await probe.connect(2), await probe.connect(1)]
      for (let n = 0; n < 2; n++) await probe.setUp('Produce', produceBody(topic), { on: first })
      await probe.cluster.moveLeader(topic.name, 0, 1)
      await probe.setUp('Produce', produceBody(topic), { on: second })
      await probe.ask('produced to the old leader', 'Produce', 13, produceBody(topic), { on: first, view: grownEpochs })
      for (const epoch of [0, 99]) {
        await probe.ask(`fetched in epoch ${epoch}`, 'Fetch', 18, fetchBody(topic, { currentLeaderEpoch: epoch }), {
          on: second,
          view: grownEpochs,
        })
        const list = [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch: epoch }]
        const listed = { replicaId: -1, topics: [{ name: topic.name, partitions: list }] }
        await probe.ask(`listed in epoch ${epoch}`, 'ListOffsets', 10, listed, { on: second, view: grownEpochs })
        const asked = [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch: epoch }]
        const body = { replicaId: -1, topics: [{ topic: topic.name, partitions: asked }] }
        await probe.ask(`the end of epoch 0 in epoch ${epoch}`, 'OffsetForLeaderEpoch', 4, body, { on: second })
      }
      const asked = { topic: topic.name, partitions: [{ partition: 0, leaderEpoch: 0 }] }
      const body = { replicaId: -1, topics: [asked] }
      await probe.ask('the end of epoch 0', 'OffsetForLeaderEpoch', 4, body, { on: second })
      const diverged = fetchBody(topic, { fetchOffset: 3, lastFetchedEpoch: 0 })
      await probe.ask('fetched what diverged', 'Fetch', 18, diverged, { on: second, view: grownEpochs })
    },
  },

  ...wrongCoordinator('JoinGroup', 0, groupId => ({
    groupId,
    sessionTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  })),
  ...wrongCoordinator('SyncGroup', 0, groupId => ({ groupId, ...member, protocolType: 'a', protocolName: 'b' })),
  ...wrongCoordinator('Heartbeat', 0, groupId => ({ groupId, ...member })),
  ...wrongCoordinator('LeaveGroup', 0, groupId => ({ groupId, memberId: 'nobody', members: [{ memberId: 'nobody' }] })),
  ...wrongCoordinator('OffsetCommit', 0, (groupId, name) => ({
    groupId,
    generationIdOrMemberEpoch: -1,
    topics: commits(name),
  })),
  ...wrongCoordinator('OffsetFetch', 0, groupId => {
    const topics = [{ name: 'any', partitionIndexes: [0] }]
    return { groupId, topics, groups: [{ groupId, topics }] }
  }),
  ...wrongCoordinator('OffsetDelete', 0, groupId => ({
    groupId,
    topics: [{ name: 'any', partitions: [{ partitionIndex: 0 }] }],
  })),
  ...wrongCoordinator('DescribeGroups', 0, group => ({ groups: [group] })),
  ...wrongCoordinator('DeleteGroups', 0, group => ({ groupsNames: [group] })),
  ...wrongCoordinator('TxnOffsetCommit', 0, (groupId, name) => ({
    groupId,
    transactionalId: 'any',
    producerId: 1,
    topics: commits(name),
  })),
  ...wrongCoordinator('InitProducerId', 1, transactionalId => ({ transactionalId, transactionTimeoutMs: 1_000 })),
  ...wrongCoordinator('AddOffsetsToTxn', 1, transactionalId => ({
    transactionalId,
    producerId: 1,
    groupId: 'any',
  })),
  ...wrongCoordinator('AddPartitionsToTxn', 1, transactionalId => {
    const topics = [{ name: 'any', partitions: [0] }]
    return {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: 1,
      v3AndBelowTopics: topics,
      transactions: [{ transactionalId, producerId: 1, producerEpoch: 0, topics }],
    }
  }),
  ...wrongCoordinator('EndTxn', 1, transactionalId => ({
    transactionalId,
    producerId: 1,
    committed: true,
  })),
]

/** A node that is killed: metadata of what it leads. It is alone, because the cluster is another one afterwards. */
export const lostNodeScripts: readonly Script[] = [
  {
    name: 'a node that is lost',
    run: async probe => {
      const [alone, copied] = [probe.named('alone'), probe.named('copied')]
      const topics = [
        { name: alone, numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [3] }] },
        {
          name: copied,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: [{ partitionIndex: 0, brokerIds: [3, 1] }],
        },
      ]
      await probe.setUp('CreateTopics', { topics })
      for (const name of [alone, copied]) await probe.served(name, 1, await probe.connect(3))
      await probe.cluster.kill(3)
      const until = ({ topics }: Responses['Metadata']) =>
        topics.every(({ partitions }) => partitions.every(({ leaderId }) => leaderId !== 3))
      for (const version of [0, 1, 4, 5, 8, 13]) {
        const asked = { topics: [{ name: alone }, { name: copied }] }
        const view = (answer: object) => grownEpochs({ ...answer, controllerId: 'any' })
        await probe.ask(`metadata v${version}`, 'Metadata', version, asked, { until, view })
      }
      await probe.ask(
        'topic partitions',
        'DescribeTopicPartitions',
        0,
        { topics: [{ name: alone }, { name: copied }], responsePartitionLimit: 10 },
        { view: grownEpochs },
      )
    },
  },
]

/** By how much an epoch grows when a leader moves depends on how it is moved. */
function grownEpochs(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value) => {
      if (value?.type === 'Buffer') return `${value.data.length} bytes`
      return /epoch$/i.test(name) && value > 0 ? 'grown' : value
    }),
  )
}
