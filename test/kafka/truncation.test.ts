import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Consumer, NativeClient, string, type Truncated } from '../../src/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const quiet = () => {}
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => ({ value: String(from + n), partition: 0 }))

test('what is written in place of messages that an unclean election lost is read, by who reads and by who begins again', async () => {
  await using cluster = await KafkaCluster.start({ nodes: 3 })
  const config = { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' }
  await cluster.createTopic('orders', { partitions: 1, replicas: 2, config })
  const client = new NativeClient({ brokers: cluster.brokers, logger })
  const { topics } = await client.metadata(['orders'])
  await client.close()
  const leader = await cluster.leader('orders', 0)
  const follower = topics.get('orders')?.partitions[0]?.replicas.find(node => node !== leader) ?? -1

  const seen = new Map<string, string[]>()
  const told: [string, Truncated][] = []
  const consumerOf = (group: string) => {
    const values: string[] = []
    seen.set(group, values)
    const consumer = new Consumer({ brokers: cluster.brokers, group, logLevel: 'silent' }).topic(
      { topic: 'orders', partitions: [0] },
      { value: string },
      ({ value }) => void values.push(value ?? ''),
    )
    consumer.on('truncated', event => told.push([group, event]))
    return consumer
  }
  const handled = (group: string, count: number) =>
    until(`${count} are handled by ${group}`, () => (seen.get(group)?.length ?? 0) >= count, 60_000)
  const until20 = async (group: string) =>
    until(`${group} has committed`, async () => (await cluster.committed(group))[0]?.offset === 20, 60_000)

  const reader = consumerOf('reader')
  await using reading = running(reader)
  await cluster.write('orders', numbered(0, 10))
  await cluster.kill(follower)
  await cluster.write('orders', numbered(10, 20))
  await handled('reader', 20)
  {
    const before = consumerOf('starter')
    await using _ = running(before)
    await handled('starter', 20)
    await until20('starter')
  }
  await until20('reader')

  await cluster.kill(leader)
  await cluster.restart(follower)
  await until('the follower leads', async () => (await cluster.leader('orders', 0)) === follower, 60_000)
  await cluster.write('orders', numbered(100, 130))
  await cluster.restart(leader)
  const starter = consumerOf('starter')
  await using starting = running(starter)
  const expected = numbered(100, 130).map(({ value }) => value)
  await handled('reader', 50)
  await handled('starter', 30)
  assert.deepEqual(seen.get('reader')?.slice(20), expected)
  assert.deepEqual(seen.get('starter'), expected)
  assert.deepEqual([reading.error, starting.error], [null, null])
  assert.deepEqual(told.map(([group, { position, endOffset }]) => [group, position, endOffset]).sort(), [
    ['reader', 20, 10],
    ['starter', 20, 10],
  ])
})
