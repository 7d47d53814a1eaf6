import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Admin } from '../../src/client/admin.ts'
import { startClient } from '../client/recorder.ts'
import { startJava } from './java.ts'
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

test('settings tell their documentation, groups and loggers have some as well', async () => {
  const [setting] = await admin.describeConfigs({ broker: 1 }, { names: ['log.retention.ms'], documentation: true })
  assert.match(setting?.documentation ?? '', /milliseconds/)
  await admin.alterConfigs({ group: 'timed' }, { 'consumer.session.timeout.ms': 50_000 })
  const timeout = async () =>
    (await admin.describeConfigs({ group: 'timed' })).find(({ name }) => name === 'consumer.session.timeout.ms')
  const found = await told(timeout, entry => entry?.value === '50000')
  assert.deepEqual([found?.source, found?.inherited, found?.type], ['DYNAMIC_GROUP_CONFIG', false, 'INT'])
  const loggers = await admin.describeConfigs({ brokerLogger: 1 })
  assert.equal(loggers.find(({ name }) => name === 'root')?.source, 'DYNAMIC_BROKER_LOGGER_CONFIG')
})

test('groups are listed, described and deleted, and their offsets told', async () => {
  await admin.createTopic('read', { partitions: 1 })
  await told(
    () => admin.describeTopics(['read']),
    ([topic]) => topic?.error === null,
  )
  await kafka.write('read', [{ value: 'x' }])
  assert.equal((await admin.listOffsets([{ topic: 'read', partition: 0, position: 'latest' }]))[0]?.offset, 1)
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

test('a group whose partitions the broker assigns (KIP-848) is told like the others', async () => {
  await admin.createTopic('served', { partitions: 2 })
  const where = ['--bootstrap-server', kafka.brokers.join(), '--topic', 'served', '--group', 'served']
  const protocol = ['--consumer-property', 'group.protocol=consumer']
  const java = await startJava('org.apache.kafka.tools.consumer.ConsoleConsumer', [...where, ...protocol])
  try {
    const described = await told(
      () => admin.describeGroup('served').catch(() => null),
      group => group?.state === 'Stable' && group.members[0]?.partitions?.length === 2,
    )
    const { members, ...group } = described ?? { members: [] }
    assert.deepEqual(group, {
      group: 'served',
      type: 'consumer',
      protocolType: 'consumer',
      state: 'Stable',
      strategy: 'uniform',
      coordinator: 1,
    })
    assert.deepEqual(
      members.map(({ clientId, host, instanceId, partitions }) => [clientId, host, instanceId, partitions]),
      [['console-consumer', '127.0.0.1', null, [0, 1].map(partition => ({ topic: 'served', partition }))]],
    )
    const listed = (await admin.listGroups()).find(({ group }) => group === 'served')
    assert.deepEqual([listed?.type, listed?.state], ['consumer', 'Stable'])
    const offset = { topic: 'served', partition: 0, offset: 0 }
    await assert.rejects(admin.setGroupOffsets('served', [offset]), { code: 'NON_EMPTY_GROUP' })
  } finally {
    java.kill('SIGKILL')
  }
})
