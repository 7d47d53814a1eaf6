import assert from 'node:assert/strict'
import type { Cluster } from '../cluster.ts'
import { runJava } from './java.ts'

/** The values of committed messages of a topic, as Kafka's own consumer reads them: those of one partition in their order. */
export async function readCommitted({ brokers, version }: Cluster, topic: string): Promise<readonly string[]> {
  const args = ['--bootstrap-server', brokers.join(), '--topic', topic, '--from-beginning', '--timeout-ms', '5000']
  const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
  const { stdout, stderr } = await runJava(consumer, [...args, '--isolation-level', 'read_committed'], { version })
  assert.ok(stdout !== '', stderr)
  return stdout.trim().split('\n')
}
