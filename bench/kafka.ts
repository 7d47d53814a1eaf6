import { setTimeout as delay } from 'node:timers/promises'
import { quiet } from '../test/kafka/java.ts'
import { KafkaCluster } from '../test/kafka/kafka-cluster.ts'
import { pin } from './launch.ts'
import type { Security } from './measurement.ts'

/** The version of the broker, and of Kafka's jars that its Java clients come from. */
export const KAFKA = '4.1.1'
/** The broker writes what it was given to disk; nobody should be measured meanwhile. */
const SETTLE_MS = 3_000

export function startKafka(topics: Readonly<Record<string, number>> = {}, secured = false): Promise<KafkaCluster> {
  return KafkaCluster.start({ version: KAFKA, jvm: ['-Xms1g', '-Xmx1g', quiet], topics, secured })
}

/** What clients need for the listener with TLS and SASL. */
export function securityOf({ keys }: KafkaCluster): Security {
  if (keys === null) throw new Error('This Kafka was started without secured listeners')
  const { username, password } = keys
  return { tls: { ca: keys.authority.certificate }, sasl: { mechanism: 'SCRAM-SHA-512', username, password } }
}

/** Resolves when it may be measured. `split`: it has the first processor for itself. */
export async function settleKafka(cluster: KafkaCluster, split: boolean): Promise<void> {
  if (split) for (const pid of cluster.pids.values()) pin(pid, '0')
  await delay(SETTLE_MS)
}
