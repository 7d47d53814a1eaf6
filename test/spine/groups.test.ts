import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { groupTests } from './groups.ts'

groupTests(options => EmbeddedCluster.start(options))
