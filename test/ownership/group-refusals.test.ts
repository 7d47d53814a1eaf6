import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorName, HeldClock } from '../../src/broker/index.ts'
import { PartitionLost } from '../../src/index.ts'
import { shared } from '../spine/members.ts'
import { until } from '../until.ts'
import { JumpyClock } from './jumpy-clock.ts'
import { Trap } from './trap.ts'

const kinds = (told: readonly string[]) => told.map(what => what.split(' ')[0])

/** It looks for topics less often than heartbeats and commits are due: those were sent, though the broker has not taken them up. */
async function someLooks(trap: Trap): Promise<void> {
  const before = trap.asked('one', 'Metadata').length
  await until('it has looked for topics', () => trap.asked('one', 'Metadata').length > before + 1)
}

for (const api of ['Heartbeat', 'OffsetCommit', 'JoinGroup', 'SyncGroup'] as const) {
  for (const error of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'] as const) {
    // JoinGroup names no generation.
    if (api === 'JoinGroup' && error === 'ILLEGAL_GENERATION') continue
    test(`${error} in answer to ${api}: all is lost, handlers are told, and the member joins again`, async () => {
      await using trap = await Trap.set({ partitions: 2 })
      const reasons: unknown[] = []
      let hang = true
      const one = trap.join('one', {
        handle: ({ partition }, { signal }) => {
          if (partition === 0 || !hang) return
          hang = false
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reasons.push(signal.reason)
              reject(signal.reason)
            })
          })
        },
      })
      await shared(2, one)
      await trap.write(1)
      await until('one is in its hands', () => one.consumer.state().inFlight === 1)
      const refused = trap.broker.fault({ api, clientId: 'one', group: 'g', count: 1, action: { error } })
      if (api === 'OffsetCommit') await trap.write(0)
      // It joins again.
      if (api === 'JoinGroup' || api === 'SyncGroup') await trap.admin.createPartitions('t', 3)
      const { memberId } = one.membership ?? {}
      await refused.hit()
      // The broker is not what it says that it is: otherwise it would wait for this member, too.
      if (error === 'UNKNOWN_MEMBER_ID') await trap.raw().dismiss(memberId ?? '')
      const partitions = api === 'JoinGroup' || api === 'SyncGroup' ? 3 : 2
      await shared(partitions, one)
      await until('the message comes again', () => trap.group.handled.includes('t-1@0'))
      assert.deepEqual(kinds(one.told), ['assigned', 'lost', 'assigned'])
      assert.equal(reasons.length, 1)
      assert.ok(reasons[0] instanceof PartitionLost)
      assert.equal(one.error, null)
      assert.equal((await trap.broker.group('g').now()).members.length, 1)
    })
  }
}

test('a heartbeat of an older generation may be refused: nothing is lost', async () => {
  const brokersClock = new HeldClock()
  await using trap = await Trap.set({ partitions: 2, clock: brokersClock })
  const clock = new JumpyClock()
  const one = trap.join('one', { clock })
  await shared(2, one)
  await trap.broker.fault({ api: 'Heartbeat', clientId: 'one', count: 1, action: { delayMs: 700 } }).hit()
  // Another one is sent at once. It waits behind the first, and is served when the group has gone on.
  clock.skip(1_200)
  await someLooks(trap)
  await trap.admin.createPartitions('t', 3)
  await shared(3, one)
  await brokersClock.advance(700)
  await until('one is refused', () =>
    trap.asked('one', 'Heartbeat').some(({ errors }) => errors.includes('ILLEGAL_GENERATION')),
  )
  const beats = trap.asked('one', 'Heartbeat').length
  await until('others are answered', () => trap.asked('one', 'Heartbeat').length > beats + 3)
  assert.deepEqual(kinds(one.told), ['assigned', 'assigned'])
})

test('a commit of an older generation that is refused is sent again, for what is still owned', async () => {
  const brokersClock = new HeldClock()
  await using trap = await Trap.set({ partitions: 2, clock: brokersClock })
  const one = trap.join('one')
  await until('it has begun', async () => (await trap.broker.committed('g')).length === 2)
  // A commit waits behind it, and is served when the group has gone on.
  const late = trap.broker.fault({ api: 'OffsetFetch', clientId: 'one', count: 1, action: { delayMs: 700 } })
  await trap.admin.createPartitions('t', 3)
  await late.hit()
  await trap.write(0, 1)
  await trap.group.handledOnce(2)
  await someLooks(trap)
  await trap.admin.createPartitions('t', 4)
  await shared(4, one)
  await brokersClock.advance(700)
  const refusals = () => trap.asked('one', 'OffsetCommit').filter(({ errors }) => errors.includes('ILLEGAL_GENERATION'))
  await until('all is committed', () => trap.committed(2))
  assert.equal(refusals().length, 1)
  assert.deepEqual(kinds(one.told), ['assigned', 'assigned', 'assigned'])
  assert.equal(one.error, null)
})

test('a commit that is refused because the group rebalances is sent again', async () => {
  await using trap = await Trap.set({ partitions: 2 })
  const one = trap.join('one')
  await shared(2, one)
  const error = 'REBALANCE_IN_PROGRESS'
  const refused = trap.broker.fault({ api: 'OffsetCommit', clientId: 'one', group: 'g', count: 2, action: { error } })
  await trap.write(0, 1)
  await refused.hit(2)
  await until('all is committed', () => trap.committed(2))
  assert.deepEqual(kinds(one.told), ['assigned'])
  await trap.group.handledOnce(2)
})

for (const api of ['Heartbeat', 'OffsetCommit', 'JoinGroup', 'SyncGroup'] as const) {
  test(`FENCED_INSTANCE_ID in answer to ${api} ends the consumer: all is lost, and it joins no more`, async () => {
    await using trap = await Trap.set({ partitions: 2 })
    const one = trap.join('one', { ownership: { instanceId: 'a' } })
    await shared(2, one)
    const error = 'FENCED_INSTANCE_ID'
    const refused = trap.broker.fault({ api, clientId: 'one', group: 'g', count: 1, action: { error } })
    if (api === 'OffsetCommit') await trap.write(0)
    else if (api !== 'Heartbeat') await trap.admin.createPartitions('t', 3)
    await refused.hit()
    await until('it ends', () => one.error)
    assert.equal(one.error?.code, error)
    assert.deepEqual(kinds(one.told), ['assigned', 'lost'])
    await one.close()
    const joins = trap.asked('one', 'JoinGroup').filter(({ fault }) => fault === null).length
    assert.equal(joins, api === 'SyncGroup' ? 2 : 1)
    assert.deepEqual(trap.asked('one', 'LeaveGroup'), [])
  })
}

test('a coordinator that is loading, unavailable or another one is looked up again, and nothing is lost', async () => {
  await using trap = await Trap.set()
  const errors = ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR'] satisfies ErrorName[]
  const apis = ['JoinGroup', 'SyncGroup', 'OffsetFetch', 'Heartbeat', 'OffsetCommit'] as const
  const faults = apis.map((api, place) => {
    const error = errors[place % errors.length] as ErrorName
    return trap.broker.fault({ api, clientId: 'one', group: 'g', count: 1, action: { error } })
  })
  const one = trap.join('one')
  await shared(4, one)
  await trap.write(0, 1, 2, 3)
  await until('all were met', () => faults.every(({ hits }) => hits === 1))
  await until('all is committed', () => trap.committed(4))
  await trap.group.handledOnce(4)
  assert.deepEqual(kinds(one.told), ['assigned'])
  assert.ok(trap.asked('one', 'FindCoordinator').length >= 5)
  assert.equal((await trap.broker.group('g').now()).members.length, 1)
})

test('a coordinator that moves, or goes for good, is followed, and nothing is lost', async () => {
  await using trap = await Trap.set({ nodes: 2 })
  await trap.broker.setCoordinator('group', 'g', 1)
  const one = trap.join('one')
  await shared(4, one)
  const followed = async (node: number) => {
    const from = trap.broker.requests.length
    await until(`node ${node} is asked`, () =>
      trap.broker.requests
        .slice(from)
        .some(each => each.api === 'Heartbeat' && each.node === node && each.errors.length === 0),
    )
    await trap.write(0, 1, 2, 3)
  }
  await trap.broker.setCoordinator('group', 'g', 2)
  await followed(2)
  await trap.group.handledOnce(4)
  await trap.broker.stopNode(2)
  await followed(1)
  await trap.group.handledOnce(8)
  await until('all is committed', () => trap.committed(8))
  assert.deepEqual(kinds(one.told), ['assigned'])
})
