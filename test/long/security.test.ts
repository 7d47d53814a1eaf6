import { describe } from 'node:test'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { adminTests } from '../spine/admin.ts'
import { consumerTests } from '../spine/consumer.ts'
import { groupAdminTests } from '../spine/group-admin.ts'
import { groupTests } from '../spine/groups.ts'
import { leaderTests } from '../spine/leaders.ts'

/** Every connection of the clients under test is one to `SASL_SSL`, with SCRAM. */
const start = (options: ClusterOptions): Promise<Cluster> => KafkaCluster.start({ ...options, secured: true })

describe('over SASL_SSL: consumers', () => consumerTests(start))
describe('over SASL_SSL: groups', () => groupTests(start))
describe('over SASL_SSL: leaders that move', () => leaderTests(start))
describe('over SASL_SSL: administration', () => adminTests(start))
describe('over SASL_SSL: administration of groups', () => groupAdminTests(start))
