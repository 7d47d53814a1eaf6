import { setTimeout as delay } from 'node:timers/promises'
import { quiet } from '../test/kafka/java.ts'
import { KafkaCluster } from '../test/kafka/kafka-cluster.ts'
import { pin } from './launch.ts'

/** The version of the broker, and of Kafka's jars that its Java clients come from. */
export const KAFKA = '4.1.1'
/** The broker writes what it was given to disk; nobody should be measured meanwhile. */
const SETTLE_MS = 3_000

export function startKafka(topics: Readonly<Record<string, number>> = {}): Promise<KafkaCluster> {
  return KafkaCluster.start({ version: KAFKA, jvm: ['-Xms1g', '-Xmx1g', quiet], topics })
}

/** Resolves when it may be measured. `split`: it has the first processor for itself. */
export async function settleKafka(cluster: KafkaCluster, split: boolean): Promise<void> {
  if (split) for (const pid of cluster.pids.values()) pin(pid, '0')
  await delay(SETTLE_MS)
}
