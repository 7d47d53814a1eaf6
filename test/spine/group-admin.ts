import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Admin, Consumer } from '../../src/index.ts'
import { startClient } from '../client/recorder.ts'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { until } from '../until.ts'
import { running } from './running.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** What `Admin` does with groups. */
export function groupAdminTests(start: (options: ClusterOptions) => Promise<Cluster>): void {
  let cluster: Cluster
  let client: ReturnType<typeof startClient>
  let admin: Admin
  before(async () => {
    cluster = await start({ nodes: 1, topics: { orders: 3, payments: 1 } })
    client = startClient({ brokers: cluster.brokers, ...cluster.security })
    admin = new Admin(client)
  })
  after(async () => {
    await client?.close()
    await cluster?.close()
  })

  const place = (topic: string, partition: number) => ({ topic, partition })

  /** A member of the group, until the end of the scope. */
  async function member(group: string, topics: readonly string[], instanceId?: string) {
    const consumer = new Consumer({
      brokers: cluster.brokers,
      ...cluster.security,
      group,
      clientId: `client-of-${group}`,
      logger: quiet,
      ownership: { heartbeatIntervalMs: 100, ...(instanceId !== undefined && { instanceId }) },
    }).topic(topics, () => {})
    const run = running(consumer)
    await until(
      'it is a member',
      () => consumer.state().ownership?.membership?.phase === 'stable' || run.error !== null,
    )
    assert.equal(run.error, null)
    return { consumer, [Symbol.asyncDispose]: () => run[Symbol.asyncDispose]() }
  }

  test('a group tells its state, its coordinator, and what each member is assigned', async () => {
    await assert.rejects(admin.describeGroup('described'), { code: 'GROUP_ID_NOT_FOUND', message: /described/ })
    await using first = await member('described', ['orders', 'payments'], 'first')
    await using second = await member('described', ['orders'])
    const partitions = () => [first, second].map(({ consumer }) => consumer.state().partitions.length)
    await until('each has its share', () => partitions().join() === '2,2')
    const { members, ...group } = await admin.describeGroup('described')
    assert.deepEqual(group, {
      group: 'described',
      type: 'classic',
      protocolType: 'consumer',
      state: 'Stable',
      strategy: 'cooperative-sticky',
      coordinator: 1,
    })
    const all = members.flatMap(({ partitions }) => partitions ?? [])
    assert.deepEqual(all.map(({ topic, partition }) => `${topic}[${partition}]`).sort(), [
      'orders[0]',
      'orders[1]',
      'orders[2]',
      'payments[0]',
    ])
    for (const { consumer } of [first, second]) {
      const { membership } = consumer.state().ownership ?? {}
      const told = members.find(({ memberId }) => memberId === membership?.memberId)
      assert.deepEqual(
        [told?.instanceId, told?.clientId, told?.host],
        [membership?.instanceId, 'client-of-described', '127.0.0.1'],
      )
      assert.deepEqual(
        new Set(told?.partitions?.map(({ topic, partition }) => `${topic}[${partition}]`)),
        new Set(consumer.state().partitions.map(({ topic, partition }) => `${topic}[${partition}]`)),
      )
    }
    const listed = (await admin.listGroups()).find(({ group }) => group === 'described')
    assert.deepEqual(listed, { group: 'described', type: 'classic', protocolType: 'consumer', state: 'Stable' })
  })

  test('offsets are set and deleted, each partition with its own outcome, and refused while the group has members', async () => {
    const set = (partition: number, offset: number, metadata?: string) => ({
      ...place('orders', partition),
      offset,
      ...(metadata !== undefined && { metadata }),
    })
    const outcomes = await admin.setGroupOffsets('moved', [set(0, 7, 'note'), set(1, 0), set(9, 1), set(2, 0)])
    assert.deepEqual(outcomes.map(({ partition, error }) => [partition, error?.code]).sort(), [
      [0, undefined],
      [1, undefined],
      [2, undefined],
      [9, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ])
    assert.equal(outcomes.find(({ error }) => error !== null)?.error?.partition, 9)
    const committed = async () => {
      const offsets = await admin.groupOffsets('moved')
      return offsets.map(({ topic, partition, offset, metadata }) => [topic, partition, offset, metadata]).sort()
    }
    assert.deepEqual(await committed(), [
      ['orders', 0, 7, 'note'],
      ['orders', 1, 0, ''],
      ['orders', 2, 0, ''],
    ])
    const deleted = await admin.deleteGroupOffsets('moved', [place('orders', 0), place('orders', 1), place('none', 0)])
    assert.deepEqual(deleted.map(({ topic, error }) => [topic, error?.code]).sort(), [
      ['none', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['orders', undefined],
      ['orders', undefined],
    ])
    assert.deepEqual(await committed(), [['orders', 2, 0, '']])
    await assert.rejects(admin.deleteGroupOffsets('none', [place('orders', 0)]), { code: 'GROUP_ID_NOT_FOUND' })

    await using _member = await member('moved', ['orders'])
    await assert.rejects(admin.setGroupOffsets('moved', [set(0, 1)]), {
      code: 'NON_EMPTY_GROUP',
      message: /setting offsets of group moved/,
    })
    await assert.rejects(admin.deleteGroup('moved'), { code: 'NON_EMPTY_GROUP' })
    const [refused] = await admin.deleteGroupOffsets('moved', [place('orders', 2)])
    assert.equal(refused?.error?.code, 'GROUP_SUBSCRIBED_TO_TOPIC')
  })

  test('members are removed by instance id or member id, each with its own outcome', async () => {
    await using kept = await member('thinned', ['orders'], 'kept')
    await using gone = await member('thinned', ['orders'], 'gone')
    await gone.consumer.close()
    const ids = async () => (await admin.describeGroup('thinned')).members.map(({ instanceId }) => instanceId).sort()
    assert.deepEqual(await ids(), ['gone', 'kept'])
    const removed = await admin.removeMembers('thinned', [{ instanceId: 'gone' }, { memberId: 'nobody' }])
    assert.deepEqual(
      removed.map(({ memberId, instanceId, error }) => [memberId, instanceId, error?.code]),
      [
        ['', 'gone', undefined],
        ['nobody', null, 'UNKNOWN_MEMBER_ID'],
      ],
    )
    await until('the other takes over', () => kept.consumer.state().partitions.length === 3)
    assert.deepEqual(await ids(), ['kept'])
    const memberId = kept.consumer.state().ownership?.membership?.memberId ?? ''
    const [own] = await admin.removeMembers('thinned', [{ memberId }])
    assert.deepEqual([own?.memberId, own?.error], [memberId, null])
    await until('who is alive joins again', async () => (await ids()).length === 1)
  })
}
