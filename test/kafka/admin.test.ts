import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Admin } from '../../src/client/admin.ts'
import { startClient } from '../client/recorder.ts'
import { KafkaCluster } from './kafka-cluster.ts'

let kafka: KafkaCluster
let client: ReturnType<typeof startClient>
let admin: Admin
before(async () => {
  kafka = await KafkaCluster.start()
  client = startClient({ brokers: kafka.brokers })
  admin = new Admin(client)
})
after(async () => {
  await client?.close()
  await kafka?.close()
})

/** What the controller has done, brokers know a moment later. */
async function told<T>(ask: () => Promise<T>, enough: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask()
    if (enough(value)) return value
  }
}

test('topics are made, described, enlarged and deleted', async () => {
  await admin.createTopic('orders', { partitions: 2, replicas: 1, configs: { 'retention.ms': '60000' } })
  await assert.rejects(admin.createTopic('orders'), { code: 'TOPIC_ALREADY_EXISTS', message: /creating topic orders/ })
  await admin.createTopic('checked', { validateOnly: true })
  const partitions = async () => (await admin.describeTopics(['orders']))[0]?.partitions.length
  await told(partitions, count => count === 2)
  await admin.createPartitions('orders', 3)
  await told(partitions, count => count === 3)
  await assert.rejects(admin.createPartitions('orders', 2), { code: 'INVALID_PARTITIONS' })
  const names = async () =>
    (await admin.listTopics()).map(({ topic }) => topic).filter(topic => !topic.startsWith('__'))
  assert.deepEqual(await names(), ['orders'])
  await admin.createTopic('short-lived')
  await admin.deleteTopic('short-lived')
  await told(names, found => !found.includes('short-lived'))
  await assert.rejects(admin.deleteTopic('short-lived'), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('settings of topics and brokers are told and changed', async () => {
  await admin.createTopic('kept', { configs: { 'retention.ms': '60000' } })
  const setting = async () =>
    (await admin.describeConfigs({ topic: 'kept' })).find(({ name }) => name === 'retention.ms')
  await told(
    () => admin.describeTopics(['kept']),
    ([topic]) => topic?.error === null,
  )
  const own = { name: 'retention.ms', value: '60000', inherited: false, readOnly: false, secret: false }
  assert.deepEqual(await setting(), own)
  await admin.alterConfigs({ topic: 'kept' }, { 'retention.ms': '70000' })
  await told(setting, found => found?.value === '70000')
  await admin.alterConfigs({ topic: 'kept' }, { 'retention.ms': null })
  await told(setting, found => found?.inherited === true)
  const broker = await admin.describeConfigs({ broker: 1 })
  assert.equal(broker.find(({ name }) => name === 'node.id')?.value, '1')
  await assert.rejects(admin.alterConfigs({ topic: 'kept' }, { 'retention.ms': 'x' }), { code: 'INVALID_CONFIG' })
})

test('groups are listed, described and deleted, and their offsets told', async () => {
  await admin.createTopic('read', { partitions: 1 })
  await told(
    () => admin.describeTopics(['read']),
    ([topic]) => topic?.error === null,
  )
  await kafka.write('read', [{ value: 'x' }])
  assert.equal((await admin.listOffsets([{ topic: 'read', partition: 0, timestamp: -1 }]))[0]?.offset, 1)
  assert.deepEqual(await admin.groupOffsets('shop'), [])
  await assert.rejects(admin.describeGroup('shop'), { code: 'GROUP_ID_NOT_FOUND' })
  await assert.rejects(admin.deleteGroup('shop'), { code: 'GROUP_ID_NOT_FOUND' })
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'note' }]
  const body = { groupId: 'shop', memberId: '', topics: [{ name: 'read', partitions }] }
  await client.send({ group: 'shop' }, 'OffsetCommit', body, { maxVersion: 9 })
  const committed = { topic: 'read', partition: 0, offset: 1, metadata: 'note', error: null }
  assert.deepEqual(await admin.groupOffsets('shop'), [committed])
  assert.deepEqual(
    (await admin.listGroups()).map(({ group, state }) => [group, state]),
    [['shop', 'Empty']],
  )
  assert.deepEqual((await admin.describeGroup('shop')).members, [])
  await admin.deleteGroup('shop')
  assert.deepEqual(await admin.listGroups(), [])
})

test('the cluster is described', async () => {
  const { brokers, controller } = await admin.describeCluster()
  assert.deepEqual([brokers.map(({ nodeId }) => nodeId), controller], [[1], 1])
})
