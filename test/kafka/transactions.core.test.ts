import assert from 'node:assert/strict'
import type { Cluster } from '../cluster.ts'
import { transactionTests } from '../spine/transactions.ts'
import { kafkaVersion } from './jars.ts'
import { runJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

/** Kafka's own consumer of committed messages. */
async function read({ brokers, version }: Cluster, topic: string): Promise<readonly string[]> {
  const args = ['--bootstrap-server', brokers.join(), '--topic', topic, '--from-beginning', '--timeout-ms', '5000']
  const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
  const { stdout, stderr } = await runJava(consumer, [...args, '--isolation-level', 'read_committed'], { version })
  assert.ok(stdout !== '', stderr)
  return stdout.trim().split('\n')
}

const kind = kafkaVersion.startsWith('3.') ? 1 : 2
// Else it is noticed after up to 10 s that a transaction takes too long.
const config = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100' }
transactionTests(options => KafkaCluster.start({ ...options, config }), { kind, read })
