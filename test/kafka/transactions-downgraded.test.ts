import assert from 'node:assert/strict'
import { transactionTests } from '../spine/transactions.ts'
import { runJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

/** A cluster of Kafka 4 whose transactions are of the first kind still, as after an upgrade. */
async function downgraded(): Promise<KafkaCluster> {
  const config = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100' }
  const cluster = await KafkaCluster.start({ nodes: 1, config })
  const args = ['--bootstrap-server', cluster.brokers.join(), 'downgrade', '--feature', 'transaction.version=1']
  const { code, stdout, stderr } = await runJava('org.apache.kafka.tools.FeatureCommand', args)
  assert.equal(code, 0, stdout + stderr)
  return cluster
}

transactionTests(downgraded, { kind: 1 })
