import type { Cluster, ClusterOptions } from '../cluster.ts'
import { type Journals, runScripts } from './comparison.ts'
import { ready } from './ready.ts'
import { aclScripts } from './scripts/acls.ts'
import { clusterScripts } from './scripts/cluster.ts'
import { configScripts } from './scripts/configs.ts'
import { fetchScripts } from './scripts/fetch.ts'
import { garbageScripts } from './scripts/garbage.ts'
import { groupScripts } from './scripts/groups.ts'
import { lostNodeScripts, nodeScripts } from './scripts/nodes.ts'
import { offsetScripts } from './scripts/offsets.ts'
import { produceScripts } from './scripts/produce.ts'
import { saslScripts } from './scripts/sasl.ts'
import { topicScripts } from './scripts/topics.ts'
import { transactionScripts } from './scripts/transactions.ts'
import { admin } from './users.ts'

const onOneNode = [
  ...[...clusterScripts, ...topicScripts, ...configScripts, ...produceScripts, ...fetchScripts],
  ...[...groupScripts, ...offsetScripts, ...transactionScripts, ...garbageScripts],
]

/** Runs every script against clusters of this kind. */
export async function answers(start: (options: ClusterOptions) => Promise<Cluster>): Promise<Journals> {
  const options = { config: { 'auto.create.topics.enable': 'true' }, version: '4.1.1' }
  const one = async () => {
    await using cluster = await start({ ...options, nodes: 1 })
    await ready(cluster)
    return await runScripts(cluster, onOneNode, 'p')
  }
  const three = async () => {
    const selector = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }
    const config = { ...options.config, ...selector }
    await using cluster = await start({ ...options, config, nodes: 3, racks: ['a', 'b', 'c'] })
    await ready(cluster)
    const whole = await runScripts(cluster, nodeScripts, 'p')
    return new Map([...whole, ...(await runScripts(cluster, lostNodeScripts, 'q'))])
  }
  const both = await Promise.all([one(), three()])
  return new Map(both.flatMap(journals => [...journals]))
}

/** The same on a cluster of one node that has the users and mechanisms of `users.ts`, and access rules that begin with none. */
export async function guardedAnswers(start: (options: ClusterOptions) => Promise<Cluster>): Promise<Journals> {
  await using cluster = await start({ nodes: 1, version: '4.1.1', config: { 'auto.create.topics.enable': 'true' } })
  await ready(cluster, admin)
  return await runScripts(cluster, [...saslScripts, ...aclScripts], 's', admin)
}
