import { groupTests } from '../spine/groups.ts'
import { KafkaCluster } from './kafka-cluster.ts'

groupTests(options => KafkaCluster.start(options))
