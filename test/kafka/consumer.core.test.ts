import { consumerTests } from '../spine/consumer.ts'
import { KafkaCluster } from './kafka-cluster.ts'

consumerTests(options => KafkaCluster.start(options))
