import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shared } from '../spine/members.ts'
import { until } from '../until.ts'
import { Trap } from './trap.ts'

test('a leader that comes back shares nothing out: the group keeps what it has', async () => {
  await using trap = await Trap.set()
  const options = { ownership: { instanceId: 'a' } }
  const one = trap.join('one', options)
  await shared(4, one)
  const two = trap.join('two', { ownership: { instanceId: 'b' } })
  await shared(4, one, two)
  assert.ok(one.membership?.leader)
  const { generation } = await trap.broker.group('g').now()
  await one.close()
  const shares = trap.spy('again', 'SyncGroup', ({ assignments }) => assignments.length)
  const again = trap.join('again', options)
  await shared(4, again, two)
  assert.deepEqual(shares, [0])
  assert.ok(again.membership?.leader)
  assert.equal((await trap.broker.group('g').now()).generation, generation)
  assert.equal(two.told.filter(what => what.startsWith('lost')).length, 0)
})

test('a leader that came back without sharing out watches the topics all the same', async () => {
  await using trap = await Trap.set()
  const options = { ownership: { instanceId: 'a' } }
  const one = trap.join('one', options)
  await shared(4, one)
  await one.close()
  const again = trap.join('again', options)
  await shared(4, again)
  await trap.admin.createPartitions('t', 6)
  await shared(6, again)
})

test('the leader shares out topics that only others read, and notices when these grow', async () => {
  await using trap = await Trap.set()
  await trap.broker.createTopic('theirs', 2)
  const one = trap.join('one')
  await shared(4, one)
  const raw = trap.raw('theirs')
  await raw.join()
  assert.equal((await raw.sync()).length, 2)
  assert.ok(one.membership?.leader)
  await trap.admin.createPartitions('theirs', 5)
  await trap.broker.group('g').until('PreparingRebalance', 2)
  await raw.join()
  assert.equal((await raw.sync()).length, 5)
  assert.deepEqual(one.told, ['assigned t-0 t-1 t-2 t-3'])
})

test('a topic of others that does not exist yet is shared out when it is made', async () => {
  await using trap = await Trap.set()
  const one = trap.join('one')
  await shared(4, one)
  const raw = trap.raw('theirs')
  await raw.join()
  assert.equal((await raw.sync()).length, 0)
  await trap.broker.createTopic('theirs', 3)
  await trap.broker.group('g').until('PreparingRebalance', 2)
  await raw.join()
  assert.equal((await raw.sync()).length, 3)
})

test('a member with metadata that nobody can read gets nothing, and the others go on', async () => {
  await using trap = await Trap.set()
  const one = trap.join('one')
  await shared(4, one)
  trap.broker.fault({
    api: 'JoinGroup',
    clientId: 'one',
    count: 1,
    action: {
      reply: answer => ({
        ...answer,
        members: (answer.members ?? []).map(member =>
          member.memberId === one.membership?.memberId ? member : { ...member, metadata: Buffer.from([0, 3, 0xff]) },
        ),
      }),
    },
  })
  const raw = trap.raw()
  await raw.join()
  assert.deepEqual(await raw.sync(), [])
  await trap.write(0, 1, 2, 3)
  await trap.group.handledOnce(4)
  await until('one owns all', () => one.owned.length === 4)
  assert.equal(one.error, null)
})

test('a member that its leader gives no bytes owns nothing', async () => {
  await using trap = await Trap.set()
  const empty = trap.broker.fault({
    api: 'SyncGroup',
    clientId: 'one',
    count: 1,
    action: { reply: answer => ({ ...answer, assignment: Buffer.alloc(0) }) },
  })
  const one = trap.join('one')
  await empty.hit()
  await until('it is settled', () => one.membership?.phase === 'stable')
  assert.deepEqual([one.owned, one.error], [[], null])
})
