import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { leaderTests } from './leaders.ts'

leaderTests(options => EmbeddedCluster.start(options))
