import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { Admin } from '../../src/index.ts'
import { Recorder, startClient } from './recorder.ts'

test('what the controller did not do, as it is another one by now or is asked too much, is asked again and alone', async () => {
  await using broker = await Broker.start({ nodes: 3 })
  await using admin = new Admin({ brokers: broker.brokers, logger: new Recorder() })
  const asked: string[][] = []
  broker.fault({
    api: 'CreateTopics',
    when: ({ body }) => asked.push(body.topics.map(({ name }) => name)) > 0,
    action: { observe: true },
  })
  broker.fault({ api: 'CreateTopics', topic: 'moved', count: 1, action: { error: 'NOT_CONTROLLER' } })
  broker.fault({ api: 'CreateTopics', topic: 'slow', count: 2, action: { error: 'THROTTLING_QUOTA_EXCEEDED' } })
  const names = ['moved', 'plain', 'slow']
  const created = await admin.createTopics(names.map(topic => ({ topic, partitions: 2 })))
  assert.deepEqual(
    created.map(({ topic, partitions, error }) => [topic, partitions, error?.code]),
    names.map(topic => [topic, 2, undefined]),
  )
  assert.deepEqual(asked, [names, ['moved', 'slow'], ['slow']])
})

test('what stays refused is told when the time is over, and the others are done', async () => {
  await using broker = await Broker.start({ topics: { kept: 1, gone: 1 } })
  await using admin = new Admin({ brokers: broker.brokers, logger: new Recorder() })
  broker.fault({ api: 'DeleteTopics', topic: 'kept', action: { error: 'NOT_CONTROLLER' } })
  const deleted = await admin.deleteTopics(['kept', 'gone'], { timeoutMs: 500 })
  assert.deepEqual(
    deleted.map(({ topic, error }) => [topic, error?.code]),
    [
      ['kept', 'NOT_CONTROLLER'],
      ['gone', undefined],
    ],
  )
})

test('a change whose answer never came is not sent again, and told to be uncertain', async () => {
  await using broker = await Broker.start()
  await using admin = new Admin({ brokers: broker.brokers, logger: new Recorder() })
  const dropped = broker.fault({ api: 'CreateTopics', action: { drop: 'after' } })
  await assert.rejects(admin.createTopic('orders'), { code: 'CONNECTION', message: /may have been done/ })
  const silent = broker.fault({ api: 'DeleteTopics', action: { noReply: true } })
  await assert.rejects(admin.deleteTopic('orders', { timeoutMs: 200 }), {
    code: 'REQUEST_TIMEOUT',
    message: /may have been done/,
  })
  assert.deepEqual([dropped.hits, silent.hits], [1, 1])
})

test('brokers that are too old for a request say so by its name', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  await using client = startClient({ brokers: broker.brokers })
  const admin = new Admin(client)
  // IncrementalAlterConfigs and DescribeCluster.
  const missing: readonly (number | undefined)[] = [44, 60]
  broker.fault({
    api: 'ApiVersions',
    action: {
      reply: ({ apiKeys = [], ...answer }) => {
        return { ...answer, apiKeys: apiKeys.filter(({ apiKey }) => !missing.includes(apiKey)) }
      },
    },
  })
  await assert.rejects(admin.alterConfigs({ topic: 'orders' }, { 'retention.ms': 1 }), {
    code: 'UNSUPPORTED_VERSION',
    message: /does not know the API IncrementalAlterConfigs/,
  })
  const { brokers, controller } = await admin.describeCluster()
  assert.deepEqual([brokers.map(({ nodeId }) => nodeId), controller], [[1], 1])
})
