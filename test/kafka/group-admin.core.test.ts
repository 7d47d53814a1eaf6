import { groupAdminTests } from '../spine/group-admin.ts'
import { KafkaCluster } from './kafka-cluster.ts'

groupAdminTests(options => KafkaCluster.start(options))
