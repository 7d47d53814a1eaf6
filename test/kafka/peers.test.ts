import { javaSessions } from '../peers/java-sessions.ts'
import { kafkajsAdminSessions, kafkajsSlowSessions } from '../peers/kafkajs-admin-sessions.ts'
import { kafkajsSessions } from '../peers/kafkajs-sessions.ts'
import { platformaticSessions } from '../peers/platformatic-sessions.ts'
import { rdkafka, rdkafkaSessions } from '../peers/rdkafka-sessions.ts'
import { testSessions } from '../peers/sessions.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const kafka = () => KafkaCluster.start()
const skip = rdkafka === undefined && 'not installed for this Node: npm ci --prefix bench'

testSessions('kafkajs on Kafka', { ...kafkajsSessions, ...kafkajsAdminSessions, ...kafkajsSlowSessions }, kafka)
testSessions('@platformatic/kafka on Kafka', platformaticSessions, kafka)
testSessions('node-rdkafka on Kafka', rdkafkaSessions, kafka, { skip })
testSessions("Kafka's own clients on Kafka", javaSessions, kafka, { concurrency: 2 })
