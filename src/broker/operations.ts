import type { Cluster } from './cluster.ts'
import type { Asker } from './security/acls.ts'

/** What one may do with the cluster, as Kafka tells it: a bit for each operation, and none to who may not describe it. */
export function clusterOperations({ acls }: Cluster, asker: Asker): number {
  return acls.allows(asker, 'Describe', 'cluster') ? acls.operations(asker, 'cluster') : 0
}
