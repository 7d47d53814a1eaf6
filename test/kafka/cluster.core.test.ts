import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test, { describe } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from '../cluster.ts'
import { clusterTests, type Outsider, type ReadMessage } from '../spine/cluster.ts'
import { runJava, startJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'

/** Kafka's own console consumer. */
function outsider(cluster: Cluster): Outsider {
  return {
    async read(topic, count, { committedOnly, group } = {}) {
      const where = ['--bootstrap-server', cluster.brokers.join(), '--topic', topic, '--from-beginning']
      const limits = ['--max-messages', String(count), '--timeout-ms', '30000']
      const print = ['key', 'timestamp', 'headers'].flatMap(what => ['--property', `print.${what}=true`])
      const more = [
        ...(committedOnly ? ['--isolation-level', 'read_committed'] : []),
        ...(group === undefined ? [] : ['--group', group, '--consumer-property', 'auto.offset.reset=earliest']),
      ]
      const args = [...where, ...limits, ...print, ...more]
      const { stdout } = await runJava(consumer, args, { version: cluster.version })
      return stdout.trim().split('\n').map(messageOf)
    },
  }
}

/** `CreateTime:1234 h:x k v`, with tabs between. */
function messageOf(line: string): ReadMessage {
  const [timestamp = '', headers = '', key, value] = line.split('\t').map(part => (part === 'null' ? null : part))
  return {
    key: key ?? null,
    value: value ?? null,
    timestamp: Number(timestamp?.split(':')[1]),
    headers: headers === 'NO_HEADERS' || headers === null ? [] : headers.split(','),
  }
}

describe('what tests rely on', () => {
  clusterTests(options => KafkaCluster.start(options), outsider, ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
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
