import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { runJava, startJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'

async function valuesOf(cluster: KafkaCluster, topic: string, count: number, ...more: string[]): Promise<string[]> {
  const where = ['--bootstrap-server', cluster.brokers.join(), '--topic', topic, '--from-beginning']
  const limits = ['--max-messages', String(count), '--timeout-ms', '30000']
  const { stdout } = await runJava(consumer, [...where, ...limits, ...more], { version: cluster.version })
  return stdout.trim().split('\n')
}

test('one node', async t => {
  await using cluster = await KafkaCluster.start({
    topics: { orders: 3, events: { config: { 'retention.ms': '-1' } } },
  })

  await t.test('what is written is where write() says, and is what Kafka reads', async () => {
    const written = await cluster.write('orders', [
      { value: 'a' },
      { value: 'b' },
      { value: 'c', partition: 1 },
      { value: 'd' },
    ])
    assert.deepEqual(written, [
      { partition: 0, offset: 0 },
      { partition: 1, offset: 0 },
      { partition: 1, offset: 1 },
      { partition: 2, offset: 0 },
    ])
    assert.deepEqual((await valuesOf(cluster, 'orders', 4)).sort(), ['a', 'b', 'c', 'd'])
  })

  await t.test('keys, headers, timestamps and null come through, compressed or not', async () => {
    const message = { key: 'k', value: null, headers: [['h', 'x']] as const, timestamp: 1_234 }
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      await cluster.write('events', [message], { compression })
    }
    const print = ['key', 'timestamp', 'headers'].flatMap(what => ['--property', `print.${what}=true`])
    const lines = await valuesOf(cluster, 'events', 5, ...print)
    assert.deepEqual(new Set(lines), new Set(['CreateTime:1234\th:x\tk\tnull']))
  })

  await t.test('an aborted transaction is not seen, a committed one is', async () => {
    await cluster.createTopic('ledger')
    const aborted = cluster.transaction()
    await aborted.write('ledger', [{ value: 'no' }])
    const committed = cluster.transaction({ compression: 'lz4' })
    await committed.write('ledger', [{ value: 'yes' }])
    await aborted.abort()
    await committed.commit()
    assert.deepEqual(await valuesOf(cluster, 'ledger', 1, '--isolation-level', 'read_committed'), ['yes'])
  })

  await t.test('truncate moves the start of the log', async () => {
    await cluster.createTopic('short')
    await cluster.write('short', [{ value: '0' }, { value: '1' }, { value: '2' }])
    await cluster.truncate('short', 0, 2)
    assert.deepEqual(await valuesOf(cluster, 'short', 1), ['2'])
  })

  await t.test('committed() tells what a group committed', async () => {
    assert.deepEqual(await cluster.committed('nobody'), [])
    await valuesOf(cluster, 'short', 1, '--group', 'somebody', '--consumer-property', 'auto.offset.reset=earliest')
    assert.deepEqual(await cluster.committed('somebody'), [{ topic: 'short', partition: 0, offset: 3, metadata: '' }])
  })

  await t.test('what Kafka refuses is an error with its words', async () => {
    await assert.rejects(cluster.createTopic('orders'), /createTopic.*already exists/)
  })

  await t.test('a node that was killed comes back with its data', async () => {
    await cluster.kill(1)
    assert.equal(cluster.pids.size, 0)
    await cluster.restart(1)
    assert.deepEqual(await cluster.write('short', [{ value: '3' }]), [{ partition: 0, offset: 3 }])
  })
})

test('three nodes: leaders move when told to, and when their node dies', async () => {
  await using cluster = await KafkaCluster.start({ nodes: 3, topics: { orders: 2 } })
  const first = await cluster.leader('orders', 0)
  const second = await cluster.moveLeader('orders', 0)
  assert.notEqual(second, first)
  assert.equal(await cluster.moveLeader('orders', 0, first), first)
  await cluster.kill(first)
  while ([first, -1].includes(await cluster.leader('orders', 0))) await delay(50)
  await cluster.write('orders', [{ value: 'a', partition: 0 }])
  await cluster.restart(first)
  assert.equal(await cluster.moveLeader('orders', 0, first), first)
})

test('a setting that Kafka refuses fails the start with what Kafka said', async () => {
  await assert.rejects(
    KafkaCluster.start({ config: { 'log.segment.bytes': 'many' } }),
    /node 1 did not start[\s\S]*many/,
  )
})

test('when the process that started it is killed, a node ends and takes its data with it', async () => {
  const main = `
    import { KafkaCluster } from ${JSON.stringify(join(import.meta.dirname, 'kafka-cluster.ts'))}
    const cluster = await KafkaCluster.start()
    console.log(JSON.stringify({ broker: cluster.brokers[0], folder: cluster.folder }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', main], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await child.stdout.take(1).toArray()
  const { broker, folder } = JSON.parse(String(line)) as { broker: string; folder: string }
  assert.ok(await listens(broker))
  child.kill('SIGKILL')
  while ((await listens(broker)) || existsSync(folder)) await delay(50)
})

function listens(broker: string): Promise<boolean> {
  const [host = '', port] = broker.split(':')
  return new Promise(resolve => {
    const socket = connect(Number(port), host)
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

test('runJava gives input, exit code and both outputs; startJava leaves the process to its caller', async () => {
  const missing = await runJava('NoSuchClass', [])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /NoSuchClass/)
  const child = await startJava('org.apache.kafka.tools.TopicCommand', ['--help'])
  assert.ok((child.pid ?? 0) > 0)
  child.kill('SIGKILL')
})
