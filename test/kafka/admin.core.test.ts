import { adminTests } from '../spine/admin.ts'
import { KafkaCluster } from './kafka-cluster.ts'

adminTests(options => KafkaCluster.start(options))
