import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../until.ts'
import type { GroupPlace } from './groups.ts'
import { shared } from './members.ts'

/** How members follow topics as they come, grow and go. */
export function groupTopicTests(place: GroupPlace): void {
  test('a pattern takes in topics that are made, grow and are deleted, without a restart', async () => {
    const { topic, members } = await place.fresh(2)
    await using group = members
    const pattern = new RegExp(`^${topic}(-|$)`)
    const [one, two] = [group.join('one', pattern), group.join('two', pattern)]
    await shared(2, one, two)
    await place.cluster.createTopic(`${topic}-new`, { partitions: 2 })
    await shared(4, one, two)
    await place.admin.createPartitions(`${topic}-new`, 4)
    await shared(6, one, two)
    await place.write(topic, 10, 2)
    await place.write(`${topic}-new`, 20, 4)
    await group.handledOnce(30)
    await place.cluster.deleteTopic(topic)
    await until('its partitions are given up', () => {
      const owned = [...one.owned, ...two.owned]
      return owned.length === 4 && owned.every(name => name.startsWith(`${topic}-new`))
    })
    await place.write(`${topic}-new`, 20, 4)
    await group.handledOnce(50)
    assert.deepEqual([one.error, two.error], [null, null])
  })

  test('a topic that is deleted is given up soon, however seldom topics are looked for', async () => {
    const { topic, members } = await place.fresh(1)
    await using group = members
    const gone = `${topic}-gone`
    await place.cluster.createTopic(gone, { partitions: 1 })
    const seldom = { ownership: { refreshMs: 300_000 } }
    const [one, two] = [group.join('one', [topic, gone], seldom), group.join('two', [topic, gone], seldom)]
    await shared(2, one, two)
    await place.cluster.deleteTopic(gone)
    await until('its partition is given up', () => [...one.owned, ...two.owned].join() === `${topic}-0`)
    await place.write(topic, 10, 1)
    await group.handledOnce(10)
    assert.deepEqual([one.error, two.error], [null, null])
  })

  test('a listed topic that does not exist is waited for, and the others are read meanwhile', async () => {
    const { topic, members } = await place.fresh(2)
    await using group = members
    const later = `${topic}-later`
    const one = group.join('one', [topic, later])
    await place.write(topic, 10, 2)
    await group.handledOnce(10)
    const waiting = one.consumer.state().ownership?.waiting ?? []
    assert.deepEqual(
      waiting.map(({ topic }) => topic),
      [later],
    )
    await place.cluster.createTopic(later, { partitions: 2 })
    await place.write(later, 10, 2)
    await group.handledOnce(20)
    assert.deepEqual(one.consumer.state().ownership?.waiting, [])
  })

  test("a new group starts at 'latest', but a partition that comes later is read from its beginning", async () => {
    const { topic, members } = await place.fresh(1)
    await using group = members
    await place.write(topic, 5, 1)
    const one = group.join('one', topic, { offsets: { start: 'latest' } })
    await until('its position is known', () => one.consumer.state().partitions[0]?.position === 5)
    await place.write(topic, 5, 1)
    await group.handledOnce(5)
    await until('they are committed', async () => (await place.committed(topic)) === 10)
    await one.close()
    await place.admin.createPartitions(topic, 2)
    await place.cluster.write(topic, [{ partition: 1, value: 'before anybody looked' }])
    const two = group.join('two', topic, { offsets: { start: 'latest' } })
    await group.handledOnce(6)
    assert.equal(group.handled.at(-1), `${topic}-1@0`)
    assert.equal(two.error, null)
  })

  test('a topic that is made again under its name is another one, and is read from its start', async () => {
    const { topic, members } = await place.fresh(2)
    await using group = members
    await place.write(topic, 10, 2)
    const one = group.join('one', topic)
    await group.handledOnce(10)
    await until('they are committed', async () => (await place.committed(topic)) === 10)
    await place.cluster.deleteTopic(topic)
    await until('it is made again', () =>
      place.cluster.createTopic(topic, { partitions: 2 }).then(
        () => true,
        () => false,
      ),
    )
    await place.write(topic, 4, 2)
    await until('its messages are handled', () => group.handled.length === 14)
    assert.deepEqual(
      group.again.toSorted(),
      [0, 1].flatMap(p => [`${topic}-${p}@0`, `${topic}-${p}@1`]),
    )
    // Revoked if it was seen to be gone in between.
    const gone = one.told.filter(line => /^(lost|revoked) /.test(line)).join(' ')
    for (const p of [0, 1]) assert.match(gone, new RegExp(`\\b${topic}-${p}\\b`))
    assert.equal(one.error, null)
  })
}
