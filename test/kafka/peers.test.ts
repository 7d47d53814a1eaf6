import { embedded } from '../peers/embedded.ts'
import { javaSessions } from '../peers/java-sessions.ts'
import { kafkajsAdminSessions, kafkajsSlowSessions } from '../peers/kafkajs-admin-sessions.ts'
import { kafkajsSessions } from '../peers/kafkajs-sessions.ts'
import { platformaticSessions } from '../peers/platformatic-sessions.ts'
import { rdkafka, rdkafkaSessions } from '../peers/rdkafka-sessions.ts'
import { testSessions } from '../peers/sessions.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const skip = rdkafka === undefined && 'not installed for this Node: npm ci --prefix bench'

/**
 * What the embedded broker is compared with. It makes its internal topics when it is first asked for a coordinator, and some clients give
 * up before it has.
 */
async function kafka(): Promise<KafkaCluster> {
  const cluster = await KafkaCluster.start({ config: { 'auto.create.topics.enable': 'true' }, topics: { first: 1 } })
  const transaction = cluster.transaction()
  await transaction.write('first', [{ value: 'first' }])
  await transaction.commit()
  await cluster.committed('first')
  return cluster
}

const kafkajs = { ...kafkajsSessions, ...kafkajsAdminSessions, ...kafkajsSlowSessions }
testSessions('kafkajs on Kafka', kafkajs, kafka)
testSessions('@platformatic/kafka on Kafka', platformaticSessions, kafka)
testSessions('node-rdkafka on Kafka', rdkafkaSessions, kafka, { skip })
testSessions("Kafka's own clients on Kafka", javaSessions, kafka, { concurrency: 2 })

/** Those that are too slow for the unit tests, or need Java. */
testSessions('kafkajs on the embedded broker, slowly', kafkajsSlowSessions, embedded)
testSessions('node-rdkafka on the embedded broker', rdkafkaSessions, embedded, { skip })
testSessions("Kafka's own clients on the embedded broker", javaSessions, embedded, { concurrency: 2 })
