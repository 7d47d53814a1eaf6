import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { GroupBench, type Joining } from './group-bench.ts'

/** A stable group of two static members, `one` leads. */
async function pair(joining: Joining = {}) {
  const bench = new GroupBench()
  const one = (await bench.join({ ...joining, instanceId: 'one' }).came()).memberId
  const late = bench.join({ ...joining, instanceId: 'two' })
  await late.waits()
  await bench.join({ ...joining, memberId: one, instanceId: 'one' }).came()
  const two = (await late.came()).memberId
  const members = [
    { memberId: one, instanceId: 'one', generation: 2 },
    { memberId: two, instanceId: 'two', generation: 2 },
  ] as const
  const synced = bench.sync(members[1])
  await bench.sync(members[0], { [one]: '1', [two]: '2' }).came()
  await synced.came()
  return { bench, one: members[0], two: members[1] }
}

test('a static member joins at once, under an id made of its instance id', async () => {
  const bench = new GroupBench()
  const joined = await bench.join({ instanceId: 'one' }).came()
  assert.match(joined.memberId, /^one-[0-9a-f-]{36}$/)
  assert.deepEqual([joined.errorCode, joined.generationId], [0, 1])
  assert.equal(joined.members[0]?.groupInstanceId, 'one')
  bench.cluster.close()
})

test('a restarted static member takes its place without a rebalance, and its former self is fenced', async () => {
  const { bench, two } = await pair()
  const again = await bench.join({ instanceId: 'two' }).came()
  assert.notEqual(again.memberId, two.memberId)
  assert.deepEqual([again.errorCode, again.generationId, again.skipAssignment], [0, 2, false])
  assert.equal(bench.state, 'Stable')
  const { FENCED_INSTANCE_ID, UNKNOWN_MEMBER_ID } = errorCodes
  assert.equal(await bench.heartbeat(two), FENCED_INSTANCE_ID)
  assert.equal(await bench.heartbeat({ ...two, instanceId: null }), UNKNOWN_MEMBER_ID)
  assert.equal((await bench.sync(two).came()).errorCode, FENCED_INSTANCE_ID)
  assert.equal((await bench.join(two).came()).errorCode, FENCED_INSTANCE_ID)
  assert.equal(await bench.commit(two, 1), FENCED_INSTANCE_ID)
  const now = { ...two, memberId: again.memberId }
  assert.equal(await bench.heartbeat(now), 0)
  assert.equal(await bench.heartbeat({ ...now, instanceId: 'three' }), UNKNOWN_MEMBER_ID)
  assert.equal(String((await bench.sync(now).came()).assignment), '2')
  bench.cluster.close()
})

test('a restarted leader is told not to share out the work, or, before version 9, not that it leads', async () => {
  const { bench, one } = await pair()
  const told = await bench.join({ instanceId: 'one' }).came()
  assert.deepEqual([told.leader, told.skipAssignment, told.members.length], [told.memberId, true, 2])
  const old = await bench.join({ instanceId: 'one', version: 8 }).came()
  assert.deepEqual([old.leader, old.skipAssignment, old.members.length], [told.memberId, false, 0])
  assert.equal(bench.state, 'Stable')
  const leader = bench.cluster.groups.snapshot('g').members.find(({ leads }) => leads)
  assert.equal(leader?.memberId, old.memberId)
  assert.notEqual(leader?.memberId, one.memberId)
  bench.cluster.close()
})

test('a restart that changes which protocol is taken is a rebalance', async () => {
  const { bench } = await pair({ protocols: { range: '', sticky: '' } })
  await bench.join({ instanceId: 'two', protocols: { range: 'other topics', sticky: '' } }).came()
  assert.equal(bench.state, 'Stable', 'other metadata alone is none')
  const changed = bench.join({ instanceId: 'two', protocols: { sticky: '' } })
  assert.ok(await changed.waits())
  assert.equal(bench.state, 'PreparingRebalance')
  bench.cluster.close()
})

test('a restart during a rebalance fences what waits, and before the assignment it begins another one', async () => {
  const { bench, one, two } = await pair()
  const changed = { ...two, protocols: { range: 'changed' } }
  const waiting = bench.join(changed)
  await waiting.waits()
  const restarted = bench.join({ instanceId: 'two' })
  const fenced = await waiting.came()
  assert.deepEqual([fenced.errorCode, fenced.memberId], [errorCodes.FENCED_INSTANCE_ID, two.memberId])
  assert.equal((await bench.join(one).came()).generationId, 3)
  const { memberId } = await restarted.came()
  const syncing = bench.sync({ ...two, memberId, generation: 3 })
  await syncing.waits()
  const third = bench.join({ instanceId: 'two' })
  assert.equal((await syncing.came()).errorCode, errorCodes.FENCED_INSTANCE_ID)
  assert.ok(await third.waits())
  assert.equal((await bench.sync({ ...one, generation: 3 }).came()).errorCode, errorCodes.REBALANCE_IN_PROGRESS)
  assert.equal((await bench.join(one).came()).generationId, 4)
  assert.equal((await third.came()).generationId, 4)
  bench.cluster.close()
})

test('a static member that does not rejoin keeps its place until its session is over', async () => {
  const { bench, one, two } = await pair({ sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 20_000 })
  const terms = { sessionTimeoutMs: 100_000, rebalanceTimeoutMs: 20_000 }
  const again = bench.join({ ...one, ...terms })
  await bench.clock.advance(20_000)
  const joined = await again.came()
  assert.deepEqual(
    joined.members.map(({ groupInstanceId }) => groupInstanceId),
    ['one', 'two'],
  )
  await bench.sync({ ...one, generation: 3 }, { [two.memberId]: 'kept' }).came()
  assert.equal(String((await bench.sync({ ...two, generation: 3 }).came()).assignment), 'kept')
  bench.cluster.close()
})

test('a restarted static member that is not heard of again is missed', async () => {
  const { bench, one } = await pair({ sessionTimeoutMs: 10_000 })
  await bench.join({ instanceId: 'two' }).came()
  await bench.clock.advance(9_000)
  await bench.heartbeat(one)
  await bench.clock.advance(1_000)
  assert.equal(bench.state, 'PreparingRebalance')
  assert.equal(bench.cluster.groups.snapshot('g').members.length, 1)
  bench.cluster.close()
})

test('a restarted leader leads the next generation too', async () => {
  const { bench, two } = await pair()
  const { memberId } = await bench.join({ instanceId: 'one' }).came()
  const waiting = bench.join({ ...two, protocols: { range: 'changed' } })
  await waiting.waits()
  assert.equal((await bench.join({ memberId, instanceId: 'one' }).came()).leader, memberId)
  bench.cluster.close()
})

test('while none of the static members rejoins the rebalance waits, until they are missed', async () => {
  const terms = { sessionTimeoutMs: 50_000, rebalanceTimeoutMs: 20_000 }
  const { bench } = await pair(terms)
  const { memberId } = await bench.enter(terms)
  await bench.leave({ memberId })
  await bench.clock.advance(49_000)
  assert.equal(bench.state, 'PreparingRebalance')
  assert.equal(bench.cluster.groups.snapshot('g').generation, 2)
  await bench.clock.advance(1_000)
  assert.equal(bench.state, 'Empty')
  bench.cluster.close()
})

test('static members are made to leave by their instance ids, without or with the id they have', async () => {
  const { bench, one, two } = await pair()
  const { FENCED_INSTANCE_ID, UNKNOWN_MEMBER_ID } = errorCodes
  assert.deepEqual(
    await bench.leave(
      { instanceId: 'two' },
      { instanceId: 'two' },
      { memberId: two.memberId, instanceId: 'one' },
      { memberId: one.memberId, instanceId: 'one' },
    ),
    [0, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, 0],
  )
  assert.equal(bench.state, 'Empty')
  bench.cluster.close()
})

test('an id that was given to a dynamic member cannot be joined with as a static one', async () => {
  const bench = new GroupBench()
  const { memberId } = await bench.join().came()
  assert.equal((await bench.join({ memberId, instanceId: 'one' }).came()).errorCode, errorCodes.UNKNOWN_SERVER_ERROR)
  bench.cluster.close()
})
