import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { adminTests } from './admin.ts'

adminTests(options => EmbeddedCluster.start(options))
