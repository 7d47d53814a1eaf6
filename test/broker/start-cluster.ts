import type { Clock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Cluster, type ClusterSettings } from '../../src/broker/cluster.ts'

/** A cluster without sockets, with the topics `t` (two partitions) and `u` (one). */
export function startCluster(
  clock: Clock,
  config: Readonly<Record<string, string>>,
  nodes: number,
  limits: ClusterSettings['limits'] = {},
): Cluster {
  const settings = { clock, random: seededRandom(1), config: new Map(Object.entries(config)), autoCreateTopics: true }
  const cluster = new Cluster('test', { ...settings, limits })
  for (let id = 1; id <= nodes; id++) {
    cluster.nodes.all.push({ id, host: '127.0.0.1', port: id, rack: null, running: true })
  }
  cluster.topics.create({ name: 't', partitions: 2 })
  cluster.topics.create({ name: 'u' })
  return cluster
}
