import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { GroupBench } from './group-bench.ts'

test('a new member is given an id to come again with, and leads the first generation', async () => {
  const bench = new GroupBench()
  const first = await bench.join().came()
  assert.equal(first.errorCode, errorCodes.MEMBER_ID_REQUIRED)
  assert.match(first.memberId, /^app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(bench.state, 'Empty')
  const { memberId } = first
  const joined = await bench.join({ memberId, protocols: { range: 'mine' } }).came()
  assert.deepEqual(
    [joined.errorCode, joined.generationId, joined.leader, joined.protocolType, joined.protocolName],
    [0, 1, memberId, 'consumer', 'range'],
  )
  assert.deepEqual(joined.members, [{ memberId, groupInstanceId: null, metadata: Buffer.from('mine') }])
  assert.equal(bench.state, 'CompletingRebalance')
  const synced = await bench.sync({ memberId, generation: 1 }, { [memberId]: 'all' }).came()
  assert.deepEqual([synced.errorCode, String(synced.assignment)], [0, 'all'])
  assert.equal(bench.state, 'Stable')
  bench.cluster.close()
})

test('a client before version 4 becomes a member at once', async () => {
  const bench = new GroupBench()
  const joined = await bench.join({ version: 3 }).came()
  assert.equal(joined.errorCode, 0)
  assert.equal(joined.leader, joined.memberId)
  bench.cluster.close()
})

test('when one more joins, all are asked to rejoin, and the next generation begins when the last one has', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const { memberId, joined: c } = await bench.enter()
  assert.ok(await c.waits())
  assert.equal(bench.state, 'PreparingRebalance')
  assert.equal(await bench.heartbeat(a), errorCodes.REBALANCE_IN_PROGRESS)
  const again = bench.join(b)
  assert.ok(await again.waits())
  const leader = await bench.join(a).came()
  const [other, third] = [await again.came(), await c.came()]
  assert.deepEqual(
    [leader, other, third].map(({ generationId }) => generationId),
    [3, 3, 3],
  )
  assert.deepEqual(
    [leader, other, third].map(({ members }) => members.length),
    [3, 0, 0],
  )
  const synced = [b, { memberId, generation: 3 }].map(who => bench.sync({ ...who, generation: 3 }))
  assert.ok(await synced[0]?.waits())
  await bench.sync({ ...a, generation: 3 }, { [b.memberId]: 'for b' }).came()
  assert.equal(String((await synced[0]?.came())?.assignment), 'for b')
  assert.equal((await synced[1]?.came())?.assignment.length, 0, 'who is assigned nothing is told so')
  bench.cluster.close()
})

test('a follower that comes again unchanged is told of the present generation; changed, or as the leader, it begins a new one', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const same = await bench.join(b).came()
  assert.deepEqual([same.errorCode, same.generationId, same.members.length], [0, 2, 0])
  assert.equal(bench.state, 'Stable')
  const changed = bench.join({ ...b, protocols: { range: 'other topics' } })
  assert.ok(await changed.waits())
  const told = await bench.join(a).came()
  assert.deepEqual(
    told.members.map(({ metadata }) => String(metadata)),
    ['', 'other topics'],
  )
  const lost = await bench.join(a).came()
  assert.deepEqual(lost, told, 'an answer that got lost is given again')
  await bench.sync({ ...a, generation: 3 }).came()
  const restarted = bench.join(a)
  assert.ok(await restarted.waits(), 'the leader of a stable group wants to share out anew')
  assert.equal(bench.state, 'PreparingRebalance')
  bench.cluster.close()
})

test('the protocol that most prefer is taken, of those that all speak', async () => {
  const bench = new GroupBench()
  const lists: Record<string, string>[] = [
    { sticky: 's', range: 'r' },
    { range: 'r', sticky: 's' },
    { range: 'r', sticky: 's', own: 'o' },
  ]
  const ids: string[] = []
  for (const protocols of lists) ids.push((await bench.join({ protocols }).came()).memberId)
  await bench.join({ memberId: ids[0] as string, protocols: lists[0] ?? {} }).came()
  const late = [1, 2].map(at => bench.join({ memberId: ids[at] as string, protocols: lists[at] ?? {} }))
  const joined = await bench.join({ memberId: ids[0] as string, protocols: lists[0] ?? {} }).came()
  assert.equal(joined.protocolName, 'range')
  assert.deepEqual(
    joined.members.map(({ metadata }) => String(metadata)),
    ['r', 'r', 'r'],
  )
  assert.equal((await late[0]?.came())?.protocolName, 'range')
  bench.cluster.close()
})

test('of protocols with the same name the first counts', async () => {
  const bench = new GroupBench()
  const protocols = ['first', 'second'].map(text => ({ name: 'range', metadata: Buffer.from(text) }))
  const body = { groupId: 'g', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols }
  const joined = await bench.ask('JoinGroup', 0, body)
  assert.deepEqual(
    joined.members.map(({ metadata }) => String(metadata)),
    ['first'],
  )
  bench.cluster.close()
})

test('who speaks no protocol that all speak, or is of another kind, is refused', async () => {
  const bench = new GroupBench()
  const { INCONSISTENT_GROUP_PROTOCOL } = errorCodes
  assert.equal((await bench.join({ protocols: {} }).came()).errorCode, INCONSISTENT_GROUP_PROTOCOL)
  assert.equal((await bench.join({ protocolType: '' }).came()).errorCode, INCONSISTENT_GROUP_PROTOCOL)
  const [a] = await bench.stable(1)
  assert.ok(a)
  assert.equal((await bench.join({ protocols: { sticky: '' } }).came()).errorCode, INCONSISTENT_GROUP_PROTOCOL)
  assert.equal((await bench.join({ protocolType: 'connect' }).came()).errorCode, INCONSISTENT_GROUP_PROTOCOL)
  assert.equal((await bench.join({ ...a, protocols: { sticky: '' } }).came()).errorCode, INCONSISTENT_GROUP_PROTOCOL)
  assert.equal(bench.state, 'Stable')
  bench.cluster.close()
})

test('assignments are asked for in the right generation, by members, with the protocol that was taken', async () => {
  const bench = new GroupBench()
  const { memberId, joined } = await bench.enter()
  await joined.came()
  const sync = async (who: object, more: object = {}) => {
    const body = {
      groupId: 'g',
      generationId: 1,
      memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    }
    return (await bench.ask('SyncGroup', 5, { ...body, ...who, ...more })).errorCode
  }
  assert.equal(await sync({ groupId: '' }), errorCodes.INVALID_GROUP_ID)
  assert.equal(await sync({ groupId: 'other' }), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await sync({ memberId: 'nobody' }), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await sync({ generationId: 0 }), errorCodes.ILLEGAL_GENERATION)
  assert.equal(await sync({ protocolName: 'sticky' }), errorCodes.INCONSISTENT_GROUP_PROTOCOL)
  assert.equal(await sync({ protocolName: null }), errorCodes.INCONSISTENT_GROUP_PROTOCOL)
  assert.equal(await sync({}), 0)
  bench.cluster.close()
})

test('heartbeats are answered by group, member, generation and state', async () => {
  const bench = new GroupBench()
  const [a] = await bench.stable(1)
  assert.ok(a)
  assert.equal(await bench.heartbeat(a), 0)
  assert.equal(await bench.heartbeat({ ...a, generation: 2 }), errorCodes.ILLEGAL_GENERATION)
  assert.equal(await bench.heartbeat({ ...a, memberId: 'nobody' }), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await bench.heartbeat({ ...a, group: 'other' }), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await bench.heartbeat({ ...a, group: '' }), errorCodes.INVALID_GROUP_ID)
  await bench.enter()
  assert.equal(await bench.heartbeat(a), errorCodes.REBALANCE_IN_PROGRESS)
  bench.cluster.close()
})

test('when one leaves, the others rebalance, and whoever waits in its name is answered', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const { memberId, joined } = await bench.enter()
  await joined.waits()
  const rejoined = bench.join(b)
  assert.deepEqual(await bench.leave({ memberId }, { memberId: 'nobody' }, {}), [
    0,
    errorCodes.UNKNOWN_MEMBER_ID,
    errorCodes.UNKNOWN_MEMBER_ID,
  ])
  assert.equal((await joined.came()).errorCode, errorCodes.UNKNOWN_MEMBER_ID)
  await bench.join(a).came()
  assert.equal((await rejoined.came()).generationId, 3)
  const waiting = bench.sync({ ...b, generation: 3 })
  assert.ok(await waiting.waits())
  await bench.leave(b)
  assert.equal((await waiting.came()).errorCode, errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(bench.state, 'PreparingRebalance')
  assert.deepEqual(await bench.leave(a), [0])
  assert.equal(bench.state, 'Empty')
  assert.equal((await bench.ask('LeaveGroup', 2, { groupId: 'g', memberId: a.memberId })).errorCode, 25)
  bench.cluster.close()
})

test('a member that asks again on another connection is answered there, and what waited before is told to try again', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const changed = { ...b, protocols: { range: 'changed' } }
  const before = bench.join(changed)
  assert.ok(await before.waits())
  const after = bench.join(changed)
  assert.ok(await after.waits())
  assert.equal((await before.came()).errorCode, errorCodes.REBALANCE_IN_PROGRESS)
  await bench.join(a).came()
  assert.equal((await after.came()).generationId, 3)
  const once = bench.sync({ ...b, generation: 3 })
  const twice = bench.sync({ ...b, generation: 3 })
  assert.equal((await once.came()).errorCode, errorCodes.REBALANCE_IN_PROGRESS)
  assert.ok(await twice.waits())
  bench.cluster.close()
})

test('members are told apart when they are described, and what they say of themselves once the group is stable', async () => {
  const bench = new GroupBench()
  const describe = async (version = 6) => {
    const answer = await bench.ask('DescribeGroups', version, {
      groups: ['g'],
      ...(version >= 3 && { includeAuthorizedOperations: true }),
    })
    return answer.groups[0]
  }
  const unknown = await describe()
  assert.deepEqual([unknown?.groupState, unknown?.errorCode], ['Dead', errorCodes.GROUP_ID_NOT_FOUND])
  assert.deepEqual([(await describe(5))?.groupState, (await describe(5))?.errorCode], ['Dead', 0])
  const [a] = await bench.stable(1, { protocols: { range: 'mine' }, clientId: 'shop' })
  const stable = await describe()
  assert.deepEqual([stable?.groupState, stable?.protocolType, stable?.protocolData], ['Stable', 'consumer', 'range'])
  assert.equal(stable?.authorizedOperations, 3_400)
  const member = { memberId: a?.memberId, groupInstanceId: null, clientId: 'shop', clientHost: '/127.0.0.1' }
  assert.deepEqual(stable?.members, [
    { ...member, memberMetadata: Buffer.from('mine'), memberAssignment: Buffer.from('0') },
  ])
  await bench.enter()
  const preparing = await describe()
  assert.deepEqual(
    [preparing?.groupState, preparing?.protocolData, preparing?.members.length],
    ['PreparingRebalance', '', 2],
  )
  assert.equal(preparing?.members[0]?.memberMetadata.length, 0)
  bench.cluster.close()
})

test('groups are listed by state and type', async () => {
  const bench = new GroupBench()
  await bench.stable(1)
  await bench.join({ group: 'new' }).came()
  const list = async (statesFilter: string[], typesFilter: string[]) => {
    const { groups } = await bench.ask('ListGroups', 5, { statesFilter, typesFilter })
    return groups.map(({ groupId, groupState, groupType }) => `${groupId} ${groupState} ${groupType}`)
  }
  assert.deepEqual(await list([], []), ['g Stable classic', 'new Empty classic'])
  assert.deepEqual(await list([' stable '], ['Classic']), ['g Stable classic'])
  assert.deepEqual(await list([], ['consumer']), [])
  bench.cluster.close()
})

test('a group is deleted once it is empty', async () => {
  const bench = new GroupBench()
  const remove = async () =>
    (await bench.ask('DeleteGroups', 2, { groupsNames: ['g', 'g', 'other'] })).results.map(r => r.errorCode)
  const [a] = await bench.stable(1)
  assert.deepEqual(await remove(), [errorCodes.NON_EMPTY_GROUP, errorCodes.GROUP_ID_NOT_FOUND])
  await bench.leave(a as object)
  assert.deepEqual(await remove(), [0, errorCodes.GROUP_ID_NOT_FOUND])
  assert.equal(bench.state, 'Dead')
  assert.equal(bench.timers, 0)
  bench.cluster.close()
})

test('a node that does not coordinate a group says so', async () => {
  const bench = new GroupBench({}, 2)
  bench.cluster.nodes.setCoordinator('group', 'g', 2)
  const { NOT_COORDINATOR } = errorCodes
  assert.equal((await bench.join().came()).errorCode, NOT_COORDINATOR)
  assert.equal(await bench.heartbeat({ memberId: 'm', generation: 1 }), NOT_COORDINATOR)
  assert.equal((await bench.ask('LeaveGroup', 5, { groupId: 'g', members: [] })).errorCode, NOT_COORDINATOR)
  assert.equal((await bench.sync({ memberId: 'm', generation: 1 }).came()).errorCode, NOT_COORDINATOR)
  assert.equal((await bench.ask('DescribeGroups', 6, { groups: ['g'] })).groups[0]?.errorCode, NOT_COORDINATOR)
  assert.equal((await bench.ask('DeleteGroups', 2, { groupsNames: ['g'] })).results[0]?.errorCode, NOT_COORDINATOR)
  bench.node = 2
  await bench.stable(1)
  assert.equal((await bench.ask('ListGroups', 5, {})).groups.length, 1)
  bench.node = 1
  assert.equal((await bench.ask('ListGroups', 5, {})).groups.length, 0)
  bench.cluster.close()
})

test('another coordinator knows what was written down: a rebalance under way never was, and who waits is sent there', async () => {
  const bench = new GroupBench({}, 2)
  bench.cluster.nodes.setCoordinator('group', 'g', 1)
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const { memberId, joined } = await bench.enter()
  const waiting = bench.join({ ...b, protocols: { range: 'changed' } })
  await waiting.waits()
  bench.cluster.nodes.setCoordinator('group', 'g', 2)
  bench.cluster.groups.coordinatorsChanged()
  assert.equal((await joined.came()).errorCode, errorCodes.NOT_COORDINATOR)
  assert.equal((await waiting.came()).errorCode, errorCodes.NOT_COORDINATOR)
  assert.equal(await bench.heartbeat(a), errorCodes.NOT_COORDINATOR)
  bench.node = 2
  assert.equal(bench.state, 'Stable')
  assert.equal(await bench.heartbeat(a), 0)
  assert.equal(String((await bench.sync(b).came()).assignment), '1')
  assert.equal((await bench.join({ memberId }).came()).errorCode, errorCodes.UNKNOWN_MEMBER_ID)
  const { joined: next } = await bench.enter()
  bench.cluster.groups.coordinatorsChanged()
  assert.ok(await next.waits(), 'nothing moved')
  bench.cluster.close()
})

test('a watcher is told of every change of its group, until it wants no more', async () => {
  const bench = new GroupBench()
  const states: string[] = []
  const stop = bench.cluster.groups.watch('g', () => states.push(bench.state))
  assert.deepEqual(bench.cluster.groups.snapshot('g').members, [])
  const [a] = await bench.stable(1, { clientId: 'shop' })
  assert.ok(a)
  assert.deepEqual([...new Set(states)], ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable'])
  const { generation, protocol, members } = bench.cluster.groups.snapshot('g')
  assert.deepEqual([generation, protocol], [1, 'range'])
  const who = { memberId: a.memberId, instanceId: null, clientId: 'shop', host: '/127.0.0.1', leads: true }
  assert.deepEqual(members, [{ ...who, assignment: Buffer.from('0') }])
  stop()
  states.length = 0
  let changes = 0
  bench.cluster.groups.watch('g', () => {
    changes += 1
  })
  stop()
  await bench.leave(a)
  assert.deepEqual(states, [])
  assert.ok(changes > 0, 'another watcher goes on')
  bench.cluster.close()
})

test('closing lets go of everybody who waits, and leaves no timer', async () => {
  const bench = new GroupBench()
  await bench.stable(2)
  const { joined } = await bench.enter()
  const pending = bench.join()
  await pending.came()
  bench.cluster.close()
  await assert.rejects(joined.promise, /was closed/)
  assert.equal(bench.clock.timers, 0)
})
