import { leaderTests } from '../spine/leaders.ts'
import { KafkaCluster } from './kafka-cluster.ts'

leaderTests(options => KafkaCluster.start(options))
