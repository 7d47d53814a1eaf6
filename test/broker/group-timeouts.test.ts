import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { GroupBench } from './group-bench.ts'

test('a member that is not heard of for its session timeout is missed, and the others rebalance', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2, { sessionTimeoutMs: 10_000 })
  assert.ok(a && b)
  await bench.clock.advance(9_000)
  assert.equal(await bench.heartbeat(a), 0)
  await bench.clock.advance(2_000)
  assert.equal(bench.state, 'PreparingRebalance')
  assert.equal(await bench.heartbeat(b), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await bench.heartbeat(a), errorCodes.REBALANCE_IN_PROGRESS)
  const joined = await bench.join(a).came()
  assert.deepEqual([joined.generationId, joined.members.length], [3, 1])
  bench.cluster.close()
})

test('a group without members is empty, in a generation of its own', async () => {
  const bench = new GroupBench()
  await bench.stable(1, { sessionTimeoutMs: 10_000 })
  await bench.clock.advance(10_000)
  assert.equal(bench.state, 'Empty')
  assert.equal(bench.cluster.groups.snapshot('g').generation, 2)
  assert.equal((await bench.stable(1))[0]?.generation, 3)
  bench.cluster.close()
})

test('commits and heartbeats keep a session, requests that are refused do not', async () => {
  const bench = new GroupBench()
  const [a] = await bench.stable(1, { sessionTimeoutMs: 10_000 })
  assert.ok(a)
  await bench.clock.advance(9_000)
  assert.equal(await bench.commit(a, 5), 0)
  await bench.clock.advance(9_000)
  assert.equal(bench.state, 'Stable')
  assert.equal(await bench.commit({ ...a, generation: 7 }, 5), errorCodes.ILLEGAL_GENERATION)
  assert.equal(await bench.heartbeat({ ...a, generation: 7 }), errorCodes.ILLEGAL_GENERATION)
  await bench.clock.advance(1_000)
  assert.equal(bench.state, 'Empty')
  bench.cluster.close()
})

test('who does not rejoin within the longest rebalance timeout is left out', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2, { sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 30_000 })
  assert.ok(a && b)
  const { joined } = await bench.enter({ rebalanceTimeoutMs: 10_000 })
  const again = bench.join({ ...b, rebalanceTimeoutMs: 20_000 })
  await bench.clock.advance(29_000)
  assert.ok(await again.waits())
  await bench.clock.advance(1_000)
  const [leader, other] = [await again.came(), await joined.came()]
  assert.equal(leader.leader, b.memberId, 'the leader did not come, another leads')
  assert.deepEqual([leader.generationId, leader.members.length, other.members.length], [3, 2, 0])
  assert.equal(await bench.heartbeat(a), errorCodes.UNKNOWN_MEMBER_ID)
  bench.cluster.close()
})

test('in version 0 the session timeout is the rebalance timeout too', async () => {
  const bench = new GroupBench()
  await bench.join({ version: 0, sessionTimeoutMs: 10_000 }).came()
  const joined = bench.join({ version: 0, sessionTimeoutMs: 8_000 })
  await bench.clock.advance(9_000)
  assert.ok(await joined.waits())
  await bench.clock.advance(1_000)
  assert.equal((await joined.came()).generationId, 2)
  bench.cluster.close()
})

test('a member that waits for the rebalance is not missed, and its session begins with the answer', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2, { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 })
  assert.ok(a && b)
  const waiting = bench.join({ ...b, protocols: { range: 'changed' } })
  for (let s = 0; s < 30; s += 5) {
    assert.equal(await bench.heartbeat(a), errorCodes.REBALANCE_IN_PROGRESS)
    await bench.clock.advance(5_000)
  }
  assert.ok(await waiting.waits())
  await bench.join(a).came()
  assert.equal((await waiting.came()).errorCode, 0)
  await bench.clock.advance(9_000)
  assert.equal(await bench.heartbeat({ ...b, generation: 3 }), 0)
  bench.cluster.close()
})

test('a member that waits for its assignment is not missed either, but is from then on', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2, { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000 })
  assert.ok(a && b)
  const waiting = bench.join({ ...b, protocols: { range: 'changed' } })
  await waiting.waits()
  await bench.join(a).came()
  const synced = bench.sync({ ...b, generation: 3 })
  for (let s = 0; s < 30; s += 5) {
    assert.equal(await bench.heartbeat({ ...a, generation: 3 }), 0)
    await bench.clock.advance(5_000)
  }
  assert.ok(await synced.waits())
  await bench.sync({ ...a, generation: 3 }).came()
  assert.equal((await synced.came()).errorCode, 0)
  await bench.clock.advance(9_000)
  assert.equal(await bench.heartbeat({ ...a, generation: 3 }), 0)
  await bench.clock.advance(1_000)
  assert.equal(await bench.heartbeat({ ...b, generation: 3 }), errorCodes.UNKNOWN_MEMBER_ID)
  bench.cluster.close()
})

test('a new member may wait for five minutes, whatever its session timeout', async () => {
  const bench = new GroupBench()
  const [a] = await bench.stable(1, { sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 1_000_000 })
  assert.ok(a)
  const { joined } = await bench.enter({ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1_000_000 })
  await bench.clock.advance(299_000)
  assert.ok(await joined.waits())
  await bench.clock.advance(1_000)
  assert.equal((await joined.came()).errorCode, errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal((await bench.join(a).came()).members.length, 1)
  bench.cluster.close()
})

test('an id that nobody joins with is forgotten, and holds up a rebalance only until then', async () => {
  const bench = new GroupBench()
  const [a] = await bench.stable(1, { sessionTimeoutMs: 1_000_000 })
  assert.ok(a)
  const { memberId } = await bench.join({ sessionTimeoutMs: 10_000 }).came()
  const again = bench.join({ ...a, protocols: { range: 'changed' } })
  await bench.clock.advance(9_000)
  assert.ok(await again.waits())
  await bench.clock.advance(1_000)
  assert.equal((await again.came()).generationId, 2)
  assert.equal((await bench.join({ memberId }).came()).errorCode, errorCodes.UNKNOWN_MEMBER_ID)
  bench.cluster.close()
})

test('members that do not ask for their assignment are left out, whatever heartbeats they send', async () => {
  const bench = new GroupBench()
  const [a, b] = await bench.stable(2, { rebalanceTimeoutMs: 30_000 })
  assert.ok(a && b)
  const joined = bench.join({ ...b, rebalanceTimeoutMs: 30_000, protocols: { range: 'changed' } })
  await joined.waits()
  await bench.join({ ...a, rebalanceTimeoutMs: 30_000 }).came()
  const generation = 3
  const synced = bench.sync({ ...b, generation })
  await bench.sync({ ...a, generation }, {}).came()
  assert.equal((await synced.came()).errorCode, 0)
  const changed = bench.join({ ...b, rebalanceTimeoutMs: 30_000 })
  await changed.waits()
  await bench.join({ ...a, rebalanceTimeoutMs: 30_000 }).came()
  const follower = bench.sync({ ...b, generation: 4 })
  for (let s = 0; s < 30; s += 5) {
    assert.equal(await bench.heartbeat({ ...a, generation: 4 }), 0)
    await bench.clock.advance(5_000)
  }
  assert.equal((await follower.came()).errorCode, errorCodes.REBALANCE_IN_PROGRESS, 'its leader is gone')
  assert.equal(await bench.heartbeat({ ...a, generation: 4 }), errorCodes.UNKNOWN_MEMBER_ID)
  assert.equal((await bench.join(b).came()).leader, b.memberId)
  bench.cluster.close()
})

test('an empty group waits for the initial delay, again as long as more members come, and for their rebalance timeout at most', async () => {
  const bench = new GroupBench({ 'group.initial.rebalance.delay.ms': '3000' })
  const rebalanceTimeoutMs = 7_000
  const first = bench.join({ version: 3, rebalanceTimeoutMs })
  await bench.clock.advance(2_000)
  const second = bench.join({ version: 3, rebalanceTimeoutMs })
  await bench.clock.advance(3_000)
  const third = bench.join({ version: 3, rebalanceTimeoutMs })
  await bench.clock.advance(1_999)
  assert.ok(await first.waits())
  await bench.clock.advance(1)
  const joined = [await first.came(), await second.came(), await third.came()]
  assert.deepEqual(
    joined.map(({ generationId, members }) => [generationId, members.length]),
    [
      [1, 3],
      [1, 0],
      [1, 0],
    ],
  )
  bench.cluster.close()
})

test('session timeouts outside of the limits are refused', async () => {
  const bench = new GroupBench({ 'group.max.session.timeout.ms': '20000' })
  for (const sessionTimeoutMs of [-1, 5_999, 20_001]) {
    assert.equal((await bench.join({ sessionTimeoutMs }).came()).errorCode, errorCodes.INVALID_SESSION_TIMEOUT)
  }
  for (const sessionTimeoutMs of [6_000, 20_000]) {
    assert.equal((await bench.join({ sessionTimeoutMs }).came()).errorCode, errorCodes.MEMBER_ID_REQUIRED)
  }
  assert.equal((await bench.join({ group: '', sessionTimeoutMs: 1 }).came()).errorCode, errorCodes.INVALID_GROUP_ID)
  bench.cluster.close()
})
