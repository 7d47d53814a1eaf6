import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeData } from '../../src/protocol/data.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { GroupBench } from './group-bench.ts'

const minuteMs = 60_000

/** What a consumer says of itself. */
function reads(...topics: string[]) {
  return { range: encodeData('ConsumerProtocolSubscription', 1, { topics, userData: null, ownedPartitions: [] }) }
}

function topic(name: string, ...partitions: readonly [partition: number, offset: number, metadata?: string | null][]) {
  return {
    name,
    partitions: partitions.map(([partitionIndex, committedOffset, committedMetadata = null]) => {
      return { partitionIndex, committedOffset, committedMetadata }
    }),
  }
}

/** `t0 5`, with an error code behind it where there is one. */
async function offsets(bench: GroupBench, requireStable = false, group = 'g'): Promise<string[]> {
  const answer = await bench.ask('OffsetFetch', 9, { groups: [{ groupId: group, topics: null }], requireStable })
  return (answer.groups[0]?.topics ?? []).flatMap(({ name, partitions }) =>
    partitions.map(p => `${name}${p.partitionIndex} ${p.committedOffset}${p.errorCode === 0 ? '' : ` ${p.errorCode}`}`),
  )
}

test('what is committed is fetched again in every version, and nothing is said as -1', async () => {
  const bench = new GroupBench()
  const partition = { partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: 3, committedMetadata: 'here' }
  await bench.commit({}, 0, { topics: [{ name: 't', partitions: [partition] }] })
  const topics = [{ name: 't', partitionIndexes: [0, 1] }]
  const told = (metadata: string, committedOffset: number, epoch: number, partitionIndex: number) => {
    return { partitionIndex, committedOffset, committedLeaderEpoch: epoch, metadata, errorCode: 0 }
  }
  for (const version of [1, 2, 5, 7]) {
    const answer = await bench.ask('OffsetFetch', version, { groupId: 'g', topics })
    const epoch = version >= 5 ? 3 : -1
    assert.deepEqual(answer.topics, [{ name: 't', partitions: [told('', -1, -1, 0), told('here', 7, epoch, 1)] }])
  }
  for (const version of [8, 9]) {
    const asked = [
      { groupId: 'g', topics },
      { groupId: 'other', topics: null },
      { groupId: '', topics },
    ]
    const { groups } = await bench.ask('OffsetFetch', version, { groups: asked })
    assert.deepEqual(groups[0]?.topics[0]?.partitions, [told('', -1, -1, 0), told('here', 7, 3, 1)])
    assert.deepEqual(
      groups.map(({ groupId, errorCode }) => [groupId, errorCode]),
      [
        ['g', 0],
        ['other', 0],
        ['', 0],
      ],
    )
    assert.deepEqual(groups[1]?.topics, [])
  }
  assert.equal(bench.cluster.groups.snapshot('other').state, 'Dead', 'asking makes no group')
  bench.cluster.close()
})

test('each partition of a commit is judged for itself: unknown ones and those with too long metadata are refused', async () => {
  const bench = new GroupBench()
  const { topics } = await bench.ask('OffsetCommit', 9, {
    groupId: 'g',
    memberId: '',
    topics: [
      topic('t', [0, 5, 'x'.repeat(4_096)], [9, 5]),
      topic('t', [1, 6, 'x'.repeat(4_097)]),
      topic('nope', [0, 1]),
    ],
  })
  const { NONE, OFFSET_METADATA_TOO_LARGE, UNKNOWN_TOPIC_OR_PARTITION } = errorCodes
  assert.deepEqual(
    topics.map(({ name, partitions }) => [name, ...partitions.map(p => [p.partitionIndex, p.errorCode])]),
    [
      ['t', [9, UNKNOWN_TOPIC_OR_PARTITION], [0, NONE], [1, OFFSET_METADATA_TOO_LARGE]],
      ['nope', [0, UNKNOWN_TOPIC_OR_PARTITION]],
    ],
  )
  assert.deepEqual(await offsets(bench), ['t0 5'])
  bench.cluster.close()
})

test('a commit for nothing that exists leaves no group behind', async () => {
  const bench = new GroupBench()
  await bench.commit({}, 1, { topics: [topic('nope', [0, 1])] })
  assert.equal(bench.state, 'Dead')
  bench.cluster.close()
})

test('without a generation offsets are committed as long as the group is empty', async () => {
  const bench = new GroupBench()
  assert.equal(await bench.commit({}, 1), 0)
  assert.equal(bench.state, 'Empty')
  const [a] = await bench.stable(1)
  assert.ok(a)
  assert.equal(await bench.commit({}, 2), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await bench.commit({ memberId: a.memberId }, 2), errorCodes.ILLEGAL_GENERATION)
  await bench.leave(a)
  assert.equal(await bench.commit({}, 3), 0)
  assert.equal(await bench.commit(a, 4), errorCodes.UNKNOWN_MEMBER_ID)
  assert.deepEqual(await offsets(bench), ['t0 3'])
  bench.cluster.close()
})

test('members commit in their generation, also while the others rejoin, but not before the assignment', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  assert.equal(await bench.commit(a, 1), 0)
  assert.equal(await bench.commit({ ...a, generation: 1 }, 9), errorCodes.ILLEGAL_GENERATION)
  assert.equal(await bench.commit({ ...a, memberId: 'nobody' }, 9), errorCodes.UNKNOWN_MEMBER_ID)
  const joined = bench.join({ ...b, protocols: { range: 'changed' } })
  await joined.waits()
  assert.equal(await bench.commit(a, 2), 0)
  await bench.join(a).came()
  assert.equal(await bench.commit({ ...a, generation: 3 }, 3), errorCodes.REBALANCE_IN_PROGRESS)
  assert.equal(await bench.commit(a, 3), errorCodes.ILLEGAL_GENERATION)
  assert.deepEqual(await offsets(bench), ['t0 2'])
  bench.cluster.close()
})

test('a generation of a group that does not exist is an unknown group from version 9 on', async () => {
  const bench = new GroupBench()
  const commit = async (version: number) => {
    const body = { groupId: 'g', generationIdOrMemberEpoch: 1, memberId: 'm', topics: [topic('t', [0, 1])] }
    return (await bench.ask('OffsetCommit', version, body)).topics[0]?.partitions[0]?.errorCode
  }
  assert.equal(await commit(8), errorCodes.ILLEGAL_GENERATION)
  assert.equal(await commit(9), errorCodes.GROUP_ID_NOT_FOUND)
  bench.cluster.close()
})

test('another node refuses offsets of a group that it does not coordinate, in the way of each version', async () => {
  const bench = new GroupBench({}, 2)
  bench.cluster.nodes.setCoordinator('group', 'g', 2)
  const { NOT_COORDINATOR } = errorCodes
  assert.equal(await bench.commit({}, 1), NOT_COORDINATOR)
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const first = await bench.ask('OffsetFetch', 1, { groupId: 'g', topics })
  assert.equal(first.topics[0]?.partitions[0]?.errorCode, NOT_COORDINATOR)
  const second = await bench.ask('OffsetFetch', 2, { groupId: 'g', topics })
  assert.deepEqual([second.errorCode, second.topics.length], [NOT_COORDINATOR, 0])
  const later = await bench.ask('OffsetFetch', 9, { groups: [{ groupId: 'g', topics }] })
  assert.deepEqual([later.groups[0]?.errorCode, later.groups[0]?.topics.length], [NOT_COORDINATOR, 0])
  assert.equal((await bench.ask('OffsetDelete', 0, { groupId: 'g', topics: [] })).errorCode, NOT_COORDINATOR)
  bench.cluster.close()
})

test('offsets of topics that the members read cannot be deleted', async () => {
  const bench = new GroupBench()
  const remove = async (...names: string[]) => {
    const topics = names.map(name => ({ name, partitions: [{ partitionIndex: 0 }] }))
    const answer = await bench.ask('OffsetDelete', 0, { groupId: 'g', topics })
    return answer.errorCode || answer.topics.map(({ name, partitions }) => `${name} ${partitions[0]?.errorCode}`)
  }
  assert.equal(await remove('t'), errorCodes.GROUP_ID_NOT_FOUND)
  await bench.commit({}, 0, { topics: [topic('t', [0, 1]), topic('u', [0, 1])] })
  const [a] = await bench.stable(1, { protocols: reads('t') })
  assert.ok(a)
  assert.deepEqual(await remove('t', 'u', 'nope'), ['nope 3', `t ${errorCodes.GROUP_SUBSCRIBED_TO_TOPIC}`, 'u 0'])
  assert.deepEqual(await offsets(bench), ['t0 1'])
  await bench.leave(a)
  assert.deepEqual(await remove('t'), ['t 0'])
  const [unreadable] = await bench.stable(1, { protocols: { range: '?' } })
  assert.deepEqual(await remove('t'), [`t ${errorCodes.GROUP_SUBSCRIBED_TO_TOPIC}`], 'it may read anything')
  await bench.leave(unreadable ?? {})
  const { memberId } = await bench.enter({ protocolType: 'connect', protocols: reads('u') })
  assert.equal(await remove('t'), errorCodes.NON_EMPTY_GROUP)
  await bench.leave({ memberId })
  bench.cluster.close()
})

test('offsets expire some time after the last member has left, and the group with them', async () => {
  const bench = new GroupBench({ 'offsets.retention.minutes': '60' })
  const [a] = await bench.stable(1, { protocols: reads('t'), sessionTimeoutMs: 30 * minuteMs })
  assert.ok(a)
  await bench.commit(a, 1)
  await bench.commit(a, 1, { topics: [topic('u', [0, 1])] })
  for (let minutes = 0; minutes < 80; minutes += 20) {
    assert.equal(await bench.heartbeat(a), 0)
    await bench.clock.advance(20 * minuteMs)
  }
  assert.deepEqual(await offsets(bench), ['t0 1'], 'nobody reads u any more')
  await bench.heartbeat(a)
  await bench.leave(a)
  await bench.clock.advance(59 * minuteMs)
  assert.deepEqual(await offsets(bench), ['t0 1'])
  await bench.clock.advance(11 * minuteMs)
  assert.deepEqual(await offsets(bench), [])
  assert.equal(bench.state, 'Dead')
  assert.equal(bench.timers, 0)
  bench.cluster.close()
})

test('without membership offsets expire some time after they were committed, or when the client said', async () => {
  const bench = new GroupBench({ 'offsets.retention.minutes': '60' })
  const soon = { groupId: 'soon', memberId: '', retentionTimeMs: minuteMs, topics: [topic('t', [0, 1])] }
  await bench.ask('OffsetCommit', 2, soon)
  await bench.commit({}, 1)
  await bench.clock.advance(30 * minuteMs)
  assert.equal(bench.cluster.groups.snapshot('soon').state, 'Dead')
  await bench.commit({}, 2, { topics: [topic('u', [0, 2])] })
  await bench.clock.advance(40 * minuteMs)
  assert.deepEqual(await offsets(bench), ['u0 2'])
  await bench.clock.advance(30 * minuteMs)
  assert.equal(bench.state, 'Dead')
  bench.cluster.close()
})
