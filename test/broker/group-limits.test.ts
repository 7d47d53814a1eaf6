import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import type { Answer } from '../../src/broker/call.ts'
import { Allowance } from '../../src/broker/groups/allowance.ts'
import { Group } from '../../src/broker/groups/group.ts'
import { join } from '../../src/broker/groups/join.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { GroupBench } from './group-bench.ts'

const { GROUP_MAX_SIZE_REACHED } = errorCodes

/** A group that may keep so much. */
function smallGroup(bytes: number) {
  const clock = new VirtualClock()
  const allowance = new Allowance(bytes)
  const group = new Group('g', { clock, allowance, initialDelayMs: () => 0, changed: () => {} })
  const parts = { random: seededRandom(1), allowance, maxSize: 1_000 }
  const request = {
    version: 9,
    groupInstanceId: null,
    clientId: '',
    host: '',
    protocolType: 'consumer',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
  }
  const joins = (memberId: string, metadataBytes: number) => {
    let told: Answer<'JoinGroup'> = {}
    const protocols = [{ name: 'range', metadata: Buffer.alloc(metadataBytes) }]
    join(group, { ...request, memberId, protocols }, answer => (told = answer ?? {}), parts)
    return told
  }
  return { clock, allowance, group, joins }
}

test('a group takes as many members as it may have, and leaves out who rejoins last when that became less', async () => {
  const bench = new GroupBench({ 'group.max.size': '2' })
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  assert.equal((await bench.join().came()).errorCode, GROUP_MAX_SIZE_REACHED)
  const changed = { ...b, protocols: { range: 'changed' } }
  await bench.join(changed).waits()
  const { memberId, joined } = await bench.enter()
  assert.ok(await joined.waits())
  assert.ok(await bench.join(changed).waits(), 'who waits already may ask again')
  const late = await bench.join(a).came()
  assert.deepEqual([late.errorCode, late.memberId], [GROUP_MAX_SIZE_REACHED, ''])
  await bench.clock.advance(60_000)
  assert.equal((await joined.came()).generationId, 3)
  assert.deepEqual(
    bench.cluster.groups.snapshot('g').members.map(member => member.memberId),
    [b.memberId, memberId],
  )
  bench.cluster.close()
})

test('an id that there is no place for any more holds up nobody', async () => {
  const bench = new GroupBench({ 'group.max.size': '2' })
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const changed = bench.join({ ...b, protocols: { range: 'changed' } })
  await changed.waits()
  const { memberId } = await bench.join().came()
  const { joined } = await bench.enter()
  assert.ok(await joined.waits())
  assert.equal((await bench.join({ memberId }).came()).errorCode, GROUP_MAX_SIZE_REACHED)
  await bench.leave(a)
  assert.equal((await changed.came()).generationId, 3)
  bench.cluster.close()
})

test('ids and members that there is no memory for are refused, until others are gone', () => {
  const { clock, allowance, group, joins } = smallGroup(20_000)
  let ids = 0
  for (; joins('', 100).errorCode === errorCodes.MEMBER_ID_REQUIRED; ids++) assert.ok(ids < 100)
  assert.ok(ids > 10)
  assert.equal(joins('', 100).errorCode, GROUP_MAX_SIZE_REACHED)
  clock.skip(10_000)
  while (clock.step());
  const { memberId = '' } = joins('', 100)
  assert.equal(joins(memberId, 15_000).errorCode, GROUP_MAX_SIZE_REACHED)
  assert.equal(joins(memberId, 1_000).errorCode ?? 0, 0)
  group.end()
  assert.ok(allowance.fits(20_000) && !allowance.fits(20_001))
})

test('assignments that there is no memory for are refused as Kafka refuses a group that is too large, and the members try again', () => {
  const { group, joins } = smallGroup(20_000)
  const { memberId = '' } = joins('', 100)
  const { generationId = 0 } = joins(memberId, 100)
  const sync = (bytes: number) => {
    let told: Answer<'SyncGroup'> = {}
    const who = { memberId, groupInstanceId: null, generationId, protocolType: null, protocolName: null }
    group.sync(
      { ...who, assignments: [{ memberId, assignment: Buffer.alloc(bytes) }] },
      answer => (told = answer ?? {}),
    )
    return told.errorCode ?? 0
  }
  assert.equal(sync(15_000), errorCodes.UNKNOWN_SERVER_ERROR)
  assert.equal(group.state, 'PreparingRebalance')
  group.end()
})

test('offsets that there is no memory for are refused', () => {
  const allowance = new Allowance(5_000)
  const group = new Group('g', { clock: new VirtualClock(), allowance, initialDelayMs: () => 0, changed: () => {} })
  const commit = (partition: number, producerId: number | null = null) => {
    const said = { topic: 't', partition, offset: 1, leaderEpoch: -1, metadata: '', committedAt: 0, expiresAt: null }
    return group.offsets.commit(said, producerId)
  }
  let partitions = 0
  while (commit(partitions)) partitions += 1
  assert.ok(partitions > 5 && partitions < 10)
  assert.ok(commit(0), 'what is committed again takes no more')
  assert.equal(commit(0, 7), false)
  group.offsets.delete('t', 0)
  assert.ok(commit(0, 7))
  group.end()
  assert.ok(allowance.fits(5_000) && !allowance.fits(5_001))
})

test('a question for many copies of what is kept is no way to more memory than there is', async () => {
  const bench = new GroupBench()
  await bench.stable(1, { protocols: { range: 'x'.repeat(1_000_000) } })
  await assert.rejects(bench.ask('DescribeGroups', 6, { groups: Array(300).fill('g') }), { code: 'PROTOCOL' })
  assert.equal((await bench.ask('DescribeGroups', 6, { groups: ['g', 'g'] })).groups.length, 2)
  const partition = { partitionIndex: 0, committedOffset: 5, committedMetadata: 'x'.repeat(4_096) }
  const all = { groupId: 'other', topics: [{ name: 't', partitionIndexes: Array(40_000).fill(0) }] }
  await bench.commit({ group: 'other' }, 0, { topics: [{ name: 't', partitions: [partition] }] })
  await assert.rejects(bench.ask('OffsetFetch', 9, { groups: [all] }), { code: 'PROTOCOL' })
  bench.cluster.close()
})

test('a member with more protocols than any client has is refused', async () => {
  const bench = new GroupBench()
  const protocols = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`protocol ${at}`, '']))
  assert.equal((await bench.join({ protocols }).came()).errorCode, errorCodes.INCONSISTENT_GROUP_PROTOCOL)
  bench.cluster.close()
})
