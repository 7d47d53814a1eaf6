import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shared } from '../spine/members.ts'
import { until } from '../until.ts'
import { Trap } from './trap.ts'

test('offsets are asked for as stable ones, and commits name the member and its generation', async () => {
  await using trap = await Trap.set()
  const stable = trap.spy('one', 'OffsetFetch', ({ requireStable, groups }) => {
    // The topics of a group may be told before a transaction has ended.
    return groups?.[0]?.topics === null ? null : requireStable
  })
  const commits = trap.spy('one', 'OffsetCommit', ({ memberId, generationIdOrMemberEpoch, groupInstanceId }) => {
    return { memberId, generation: generationIdOrMemberEpoch, instanceId: groupInstanceId }
  })
  const one = trap.join('one', { ownership: { instanceId: 'a' } })
  await trap.write(0, 1, 2, 3)
  await until('all is committed', () => trap.committed(4))
  assert.ok(stable.length > 0 && stable.every(each => each !== false))
  const { memberId, generation } = one.membership ?? {}
  assert.deepEqual(commits.at(-1), { memberId, generation, instanceId: 'a' })
})

for (const error of ['UNSTABLE_OFFSET_COMMIT', 'UNKNOWN_TOPIC_OR_PARTITION'] as const) {
  test(`${error} for one partition holds up no other, and never means that nothing was committed`, async () => {
    await using trap = await Trap.set()
    const former = trap.join('former')
    await trap.write(0, 1, 2, 3)
    await trap.group.handledOnce(4)
    await former.close()
    await trap.write(0, 1, 2, 3)
    const where = { topic: 't', partition: 0 }
    const wrong = trap.broker.fault({ api: 'OffsetFetch', clientId: 'one', ...where, action: { error } })
    const one = trap.join('one')
    await trap.group.handledOnce(7)
    await wrong.hit(2)
    assert.ok(!trap.group.handled.includes('t-0@1'))
    wrong.remove()
    await trap.group.handledOnce(8)
    assert.equal(one.error, null)
  })
}

test('a commit that gets no answer is made anew, in time for a consumer that closes meanwhile', async () => {
  await using trap = await Trap.set()
  const one = trap.join('one')
  await trap.write(0, 1, 2, 3)
  await until('all is committed', () => trap.committed(4))
  const silence = trap.broker.fault({ api: 'OffsetCommit', clientId: 'one', count: 1, action: { noReply: true } })
  await trap.write(0, 1, 2, 3)
  await silence.hit()
  await trap.write(0, 1, 2, 3)
  await trap.group.handledOnce(12)
  await one.close()
  assert.ok(await trap.committed(12))
})

test('what OffsetFetch answers when the partitions are lost begins nothing', async () => {
  await using trap = await Trap.set()
  const late = trap.broker.fault({ api: 'OffsetFetch', clientId: 'one', count: 1, action: { delayMs: 400 } })
  await trap.write(0, 1, 2, 3)
  const one = trap.join('one')
  await late.hit()
  await trap.raw().dismiss(one.membership?.memberId ?? '')
  await until('it was answered', () => trap.asked('one', 'OffsetFetch')[0]?.outcome === 'answered')
  await trap.group.handledOnce(4)
  await until('all is committed', () => trap.committed(4))
  await trap.group.handledOnce(4)
})

test('what a fetch brings of a partition that was given up meanwhile is dropped', async () => {
  await using trap = await Trap.set({ partitions: 2 })
  const one = trap.join('one', { fetch: { maxWaitMs: 300 } })
  await until('it has begun', async () => (await trap.broker.committed('g')).length === 2)
  const late = trap.broker.fault({ api: 'Fetch', clientId: 'one', count: 1, action: { delayMs: 1_000 } })
  await late.hit()
  await trap.write(0, 1)
  const two = trap.join('two')
  await shared(2, one, two)
  const delayed = () => trap.asked('one', 'Fetch').find(({ fault }) => fault === 'delayMs')
  await until('it comes', () => delayed()?.outcome === 'answered')
  const fetches = trap.asked('one', 'Fetch').length
  await until('it goes on', () => trap.asked('one', 'Fetch').length > fetches)
  await trap.group.handledOnce(2)
})

test('what a fetch brings for a position that was left by a seek is dropped', async () => {
  await using trap = await Trap.set({ partitions: 1 })
  const one = trap.join('one', { fetch: { maxWaitMs: 300 } })
  await trap.write(0, 0, 0)
  await trap.group.handledOnce(3)
  const late = trap.broker.fault({ api: 'Fetch', clientId: 'one', count: 1, action: { delayMs: 300 } })
  await late.hit()
  await trap.write(0)
  one.consumer.seek({ topic: 't', partition: 0 }, 1)
  await until('it has handled all from there', () => trap.group.handled.includes('t-0@3'))
  const fetches = trap.asked('one', 'Fetch').length
  await until('it goes on', () => trap.asked('one', 'Fetch').length > fetches)
  assert.deepEqual(
    trap.group.handled.slice(3),
    [1, 2, 3].map(offset => `t-0@${offset}`),
  )
})
