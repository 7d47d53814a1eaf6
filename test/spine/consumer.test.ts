import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { consumerTests } from './consumer.ts'

consumerTests(options => EmbeddedCluster.start(options))
