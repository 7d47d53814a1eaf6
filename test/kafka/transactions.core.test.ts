import { transactionTests } from '../spine/transactions.ts'
import { readCommitted } from './console-consumer.ts'
import { kafkaVersion } from './jars.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const kind = kafkaVersion.startsWith('3.') ? 1 : 2
// Else it is noticed after up to 10 s that a transaction takes too long.
const config = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100' }
transactionTests(options => KafkaCluster.start({ ...options, config }), { kind, read: readCommitted })
