import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeAssignment, decodeSubscription } from '../../src/ownership/consumer-protocol.ts'
import type { JoinGroupRequest } from '../../src/protocol/messages.ts'
import { shared } from '../spine/members.ts'
import { until } from '../until.ts'
import { Gate, Trap, t } from './trap.ts'

const range = { strategies: ['range'] } as const

/** What a member says that it owns when it joins, and since which generation. */
function said({ protocols }: JoinGroupRequest) {
  const { owned, generation } = decodeSubscription(protocols[0]?.metadata as Buffer)
  return { owned: owned.map(({ partition }) => partition), generation }
}

test('heartbeats go on during a drain, and another rebalance meanwhile begins no second drain', async () => {
  await using trap = await Trap.set({ partitions: 2 })
  const gate = new Gate()
  const drained: number[] = []
  const onRevoked = (partitions: readonly unknown[]) => void drained.push(partitions.length)
  const one = trap.join('one', { ownership: { ...range, onRevoked }, handle: () => gate.passed })
  await trap.write(0, 1)
  await until('both are in its hands', () => one.consumer.state().inFlight === 2)
  trap.join('two', { ownership: range })
  await until('it drains', () => one.membership?.phase === 'draining')
  const before = trap.asked('one', 'Heartbeat').length
  trap.join('three', { ownership: range })
  await trap.broker.group('g').until('PreparingRebalance', 3)
  await until('heartbeats go on', () => trap.asked('one', 'Heartbeat').length > before + 5)
  assert.ok(
    trap
      .asked('one', 'Heartbeat')
      .slice(before)
      .some(({ errors }) => errors.includes('REBALANCE_IN_PROGRESS')),
  )
  assert.deepEqual(drained, [])
  gate.open()
  await trap.broker.group('g').until('Stable', 3)
  await trap.group.handledOnce(2)
  assert.deepEqual(drained, [2])
})

test('a heartbeat waits for its answer no longer than a third of the session, and its member stays', async () => {
  await using trap = await Trap.set()
  const one = trap.join('one', { ownership: { sessionTimeoutMs: 2_000, heartbeatIntervalMs: 400 } })
  // At first, heartbeats come in quick succession.
  await until('it owns all', () => one.owned.length === 4 && trap.asked('one', 'Heartbeat').length > 7)
  const silence = trap.broker.fault({ api: 'Heartbeat', clientId: 'one', count: 1, action: { delayMs: 60_000 } })
  await silence.hit()
  const hit = trap.asked('one', 'Heartbeat').length
  await until('another one is answered', () =>
    trap
      .asked('one', 'Heartbeat')
      .slice(hit)
      .some(({ outcome }) => outcome === 'answered'),
  )
  await trap.write(0, 1, 2, 3)
  await trap.group.handledOnce(4)
  assert.equal(one.told.length, 1)
  assert.ok(one.membership?.leaseOpen)
})

test('a parked join holds up neither heartbeats nor commits, and waits longer than other requests', async () => {
  await using trap = await Trap.set()
  await trap.broker.createTopic('elsewhere')
  const one = trap.join('one', { requestTimeoutMs: 300 })
  await until('it owns all', () => one.owned.length === 4)
  const raw = trap.raw('elsewhere')
  await raw.join()
  await raw.sync()
  const joins = trap.asked('one', 'JoinGroup').length
  // It is not answered before `raw` joins again.
  const late = trap.raw('elsewhere').join()
  await until('it waits for the others', () => trap.asked('one', 'JoinGroup').length > joins)
  await trap.write(0, 1, 2, 3)
  await trap.group.handledOnce(4)
  const { generation } = await trap.broker.group('g').now()
  await until('all is committed under the old generation', () => trap.committed(4))
  const parked = trap.asked('one', 'JoinGroup').at(-1)
  const beats = trap.asked('one', 'Heartbeat').length
  await until('it waited longer than requestTimeoutMs', () => trap.asked('one', 'Heartbeat').length > beats + 10)
  assert.equal(parked?.outcome, 'waiting')
  assert.equal((await trap.broker.group('g').now()).generation, generation)
  assert.equal(trap.asked('one', 'JoinGroup').length, joins + 1)
  const others = trap.asked('one', 'Heartbeat', 'OffsetCommit').map(({ client }) => client)
  assert.ok(!others.includes(parked?.client ?? ''))
  await raw.join()
  await late
  assert.equal(parked?.outcome, 'answered')
  assert.deepEqual(one.told.length, 1)
})

test('between the answers to JoinGroup and SyncGroup nothing is committed, and what is kept is handled all the same', async () => {
  await using trap = await Trap.set()
  const raw = trap.raw()
  await raw.join()
  await raw.sync()
  const one = trap.join('one')
  await trap.broker.group('g').until('PreparingRebalance', 2)
  await raw.join()
  await raw.sync(t(0, 1, 2, 3))
  await until('it has begun', async () => (await trap.broker.committed('g')).length === 4)
  await raw.join()
  await until('it waits for its assignment', () => trap.asked('one', 'SyncGroup').at(-1)?.outcome === 'waiting')
  const commits = trap.asked('one', 'OffsetCommit').length
  await trap.write(0, 1, 2, 3)
  await trap.group.handledOnce(4)
  const beats = trap.asked('one', 'Heartbeat').length
  // The interval of commits is that of heartbeats.
  await until('commits are due', () => trap.asked('one', 'Heartbeat').length > beats + 4)
  assert.equal(trap.asked('one', 'OffsetCommit').length, commits)
  await raw.sync(t(0, 1, 2, 3))
  await until('all is committed', () => trap.committed(4))
  assert.ok(trap.asked('one', 'OffsetCommit').every(({ errors }) => errors.length === 0))
  assert.equal(one.told.length, 1)
})

test('cooperative: it joins at once, gives up only the difference, commits that under the new generation, and joins again', async () => {
  await using trap = await Trap.set()
  const gate = new Gate()
  const raw = trap.raw()
  await raw.join()
  await raw.sync()
  const joined = trap.spy('one', 'JoinGroup', said)
  const commits = trap.spy('one', 'OffsetCommit', ({ generationIdOrMemberEpoch, topics }) => {
    const partitions = topics[0]?.partitions ?? []
    const offsets = partitions.map(({ partitionIndex, committedOffset }) => `${partitionIndex}@${committedOffset}`)
    return { generation: generationIdOrMemberEpoch, offsets }
  })
  const one = trap.join('one', { handle: ({ partition }) => (partition < 2 ? undefined : gate.passed) })
  await trap.broker.group('g').until('PreparingRebalance', 2)
  await raw.join()
  await raw.sync(t(0, 1, 2, 3))
  await until('it owns all', () => one.owned.length === 4)
  const { generation } = raw
  await trap.write(2, 3)
  await until('two are in its hands', () => one.consumer.state().inFlight === 2)
  await raw.join()
  assert.deepEqual(joined.at(-1), { owned: [0, 1, 2, 3], generation })
  assert.equal(one.consumer.state().inFlight, 2, 'it joined without a drain')
  await raw.sync(t(0, 1))
  await until('it drains', () => one.membership?.phase === 'draining')
  await trap.write(0, 1)
  await until('what it keeps is handled meanwhile', () => trap.group.handled.length === 2)
  const joins = trap.asked('one', 'JoinGroup').length
  gate.open()
  const next = raw.join()
  await until('it joins again', () => trap.asked('one', 'JoinGroup').length > joins)
  await next
  assert.deepEqual(joined.at(-1), { owned: [0, 1], generation: generation + 1 })
  const drained = commits.filter(({ offsets }) => offsets.includes('2@1') && offsets.includes('3@1'))
  assert.deepEqual(
    drained.map(commit => commit.generation),
    [generation + 1],
  )
  const order = trap.asked('one', 'JoinGroup', 'OffsetCommit').slice(-2)
  assert.deepEqual(
    order.map(({ api }) => api),
    ['OffsetCommit', 'JoinGroup'],
  )
  await raw.sync(t(0, 1))
  await trap.group.handledOnce(4)
  assert.deepEqual(one.told, ['assigned t-0 t-1 t-2 t-3', 'revoked t-2 t-3'])
})

test('cooperative: nothing is assigned to one member before another has given it up', async () => {
  await using trap = await Trap.set({ partitions: 6 })
  const owned = new Map<string, readonly number[]>()
  let rounds = 0
  trap.broker.fault({
    api: 'JoinGroup',
    when: ({ body }) => {
      owned.set(body.memberId, said(body).owned)
      return false
    },
    action: { observe: true },
  })
  const early: string[] = []
  trap.broker.fault({
    api: 'SyncGroup',
    when: ({ body: { assignments } }) => {
      if (assignments.length > 0) rounds++
      for (const { memberId, assignment } of assignments) {
        for (const { partition } of decodeAssignment(assignment).partitions) {
          for (const [other, has] of owned) {
            if (other !== memberId && has.includes(partition))
              early.push(`${partition} to ${memberId}: ${other} has it`)
          }
        }
      }
      return false
    },
    action: { observe: true },
  })
  const one = trap.join('one')
  await shared(6, one)
  const two = trap.join('two')
  await shared(6, one, two)
  const three = trap.join('three')
  await shared(6, one, two, three)
  assert.deepEqual(early, [])
  assert.ok(rounds >= 5, `${rounds}`)
})

test('a new member joins with the id that it was given, and is one member', async () => {
  await using trap = await Trap.set()
  const one = trap.join('one')
  await shared(4, one)
  const errors = trap.asked('one', 'JoinGroup').map(({ errors }) => errors.join())
  assert.deepEqual(errors, ['MEMBER_ID_REQUIRED', ''])
  assert.equal((await trap.broker.group('g').now()).members.length, 1)
})

test('a join whose answer is lost leaves no second member behind', async () => {
  await using trap = await Trap.set()
  const lost = trap.broker.fault({ api: 'JoinGroup', clientId: 'one', skip: 1, count: 2, action: { drop: 'after' } })
  const one = trap.join('one')
  await lost.hit(2)
  await shared(4, one)
  const { members, generation } = await trap.broker.group('g').now()
  assert.equal(members.length, 1)
  assert.equal(members[0]?.memberId, one.membership?.memberId)
  assert.equal(generation, one.membership?.generation)
})

test('a close in the midst of a rebalance commits what is done, and leaves at once', async () => {
  for (const parked of ['JoinGroup', 'SyncGroup'] as const) {
    await using trap = await Trap.set()
    const raw = trap.raw()
    await raw.join()
    await raw.sync()
    const one = trap.join('one', { offsets: { commitIntervalMs: 60_000 } })
    await trap.broker.group('g').until('PreparingRebalance', 2)
    await raw.join()
    await raw.sync(t(0, 1, 2, 3))
    await until('it has begun', async () => (await trap.broker.committed('g')).length === 4)
    await trap.write(0, 1, 2, 3)
    await trap.group.handledOnce(4)
    const late = trap.raw()
    const joined = late.join()
    await until('it joins again', () => trap.asked('one', 'JoinGroup').at(-1)?.outcome === 'waiting')
    if (parked === 'SyncGroup') {
      await raw.join()
      await until('it waits for its assignment', () => trap.asked('one', 'SyncGroup').at(-1)?.outcome === 'waiting')
    }
    const closed = one.close()
    if (parked === 'SyncGroup') await raw.sync()
    assert.deepEqual(await closed, { drained: true, undone: 0 })
    assert.ok(await trap.committed(4))
    assert.equal(trap.asked('one', 'LeaveGroup').length, 1)
    if (parked === 'JoinGroup') await raw.join()
    await joined
  }
})

test('a parked join that is given up leaves the group, so that nobody waits for a ghost', async () => {
  await using trap = await Trap.set()
  const raw = trap.raw()
  await raw.join()
  await raw.sync()
  const one = trap.join('one')
  await trap.broker.group('g').until('PreparingRebalance', 2)
  await one.close()
  assert.equal(trap.asked('one', 'LeaveGroup').length, 1)
  await raw.join()
  assert.equal((await trap.broker.group('g').now()).members.length, 1)
})

test('a parked join of a static member is given up without leaving', async () => {
  await using trap = await Trap.set()
  const raw = trap.raw()
  await raw.join()
  await raw.sync()
  const one = trap.join('one', { ownership: { instanceId: 'a' } })
  await trap.broker.group('g').until('PreparingRebalance', 2)
  await one.close()
  assert.equal(trap.asked('one', 'LeaveGroup').length, 0)
  assert.equal((await trap.broker.group('g').now()).members.length, 2)
})

test('a member that is put out while onAssigned prepares its partitions joins again, and handles nothing of what was lost', async () => {
  await using trap = await Trap.set({ partitions: 2 })
  const gate = new Gate()
  let assigned = 0
  const one = trap.join('one', { ownership: { onAssigned: () => (++assigned === 1 ? gate.passed : undefined) } })
  await until('its partitions are being prepared', () => assigned === 1)
  await trap.write(0, 1)
  await trap.raw().dismiss(one.membership?.memberId ?? '')
  await until('they are lost', () => one.told.some(what => what.startsWith('lost')))
  assert.deepEqual(trap.group.handled, [])
  gate.open()
  await shared(2, one)
  await trap.group.handledOnce(2)
  assert.equal(assigned, 2)
})
