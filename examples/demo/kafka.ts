import { spawnSync } from 'node:child_process'
import type { Cluster, ClusterOptions } from '../../test/cluster.ts'
import { javaCommand, kafkaVersion } from '../../test/kafka/jars.ts'
import { KafkaCluster } from '../../test/kafka/kafka-cluster.ts'

const NEEDED = `The demo runs a real Apache Kafka, which needs Java 17 or later (a JDK) and Maven:
  Debian, Ubuntu   sudo apt install openjdk-17-jdk-headless maven
  macOS            brew install openjdk@17 maven
JAVA_HOME is respected. Kafka itself (55 MB) comes through Maven once.`

/** A cluster for the demo alone; it is gone with this process. Rejects with an error that says what is missing. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const missing = [
    [javaCommand('javac'), '-version'],
    [javaCommand('java'), '-version'],
    ['mvn', '--version'],
  ].filter(([command = '', flag = '']) => spawnSync(command, [flag], { stdio: 'ignore' }).status !== 0)
  if (missing.length > 0) {
    throw new Error(`Not found, or not working: ${missing.map(([command]) => command).join(', ')}.\n${NEEDED}`)
  }
  console.log(`Starting Apache Kafka ${kafkaVersion} on loopback …`)
  try {
    return await KafkaCluster.start(options)
  } catch (error) {
    throw new Error(`Kafka did not start: ${error instanceof Error ? error.message : String(error)}\n\n${NEEDED}`)
  }
}
