import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { groupAdminTests } from './group-admin.ts'

groupAdminTests(options => EmbeddedCluster.start(options))
