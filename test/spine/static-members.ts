import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../until.ts'
import type { GroupPlace } from './groups.ts'
import { shared } from './members.ts'

/** What members with an instance id promise (KIP-345). */
export function staticMemberTests(place: GroupPlace): void {
  const named = (instanceId: string) => ({ ownership: { instanceId, sessionTimeoutMs: 10_000 } })

  test('a static member comes back to its partitions, and no other member notices', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const one = group.join('one', topic, named('a'))
    const two = group.join('two', topic, named('b'))
    await shared(4, one, two)
    const { generation } = two.membership ?? {}
    const [had, told] = [one.owned, [...two.told]]
    await one.close()
    await place.write(topic, 20)
    await until('two handles its own', () => group.handled.length === 10)
    const again = group.join('one again', topic, named('a'))
    await group.handledOnce(20)
    assert.deepEqual(again.owned, had)
    assert.equal(again.membership?.generation, generation)
    assert.equal(two.membership?.generation, generation)
    assert.deepEqual(two.told, told)
  })

  test('the leader comes back to its partitions, too', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const pair = [group.join('one', topic, named('a')), group.join('two', topic, named('b'))] as const
    await shared(4, ...pair)
    const [one, two] = pair[0].membership?.leader ? pair : [pair[1], pair[0]]
    const { generation, instanceId } = one.membership ?? {}
    const [had, told] = [one.owned, [...two.told]]
    await one.close()
    await place.write(topic, 20)
    const again = group.join('again', topic, named(instanceId ?? ''))
    await group.handledOnce(20)
    assert.deepEqual(again.owned, had)
    assert.equal(again.membership?.generation, generation)
    assert.deepEqual(two.told, told)
  })

  test('a second process with the same instance id fences the first, which never joins again', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const first = group.join('first', topic, named('a'))
    await until('it owns all', () => first.owned.length === 4)
    const second = group.join('second', topic, named('a'))
    await until('the first stops', () => first.error)
    assert.equal(first.error?.code, 'FENCED_INSTANCE_ID')
    assert.match(first.error?.message ?? '', /instance id a\b/)
    await until('the second owns all', () => second.owned.length === 4)
    await place.write(topic, 20)
    await group.handledOnce(20)
    assert.equal(second.error, null)
    assert.equal((await place.admin.describeGroup(topic)).members.length, 1)
  })

  test('a static member leaves when it is told to', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const one = group.join('one', topic, named('a'))
    const two = group.join('two', topic, named('b'))
    await shared(4, one, two)
    await one.close({ leave: true })
    await until('two owns all', () => two.owned.length === 4)
    assert.deepEqual(
      (await place.admin.describeGroup(topic)).members.map(({ instanceId }) => instanceId),
      ['b'],
    )
  })
}
