import { Kafka, logLevel, Partitioners } from 'kafkajs'
import type { Task } from '../../measurement.ts'
import { measure } from '../child.ts'
import type { Pass } from '../pass.ts'
import { keepUnderWay } from './keep-under-way.ts'
import { VALUE } from './value.ts'

/** kafkajs, its defaults but `acks: 1`. */
async function run(task: Task, pass: Pass): Promise<void> {
  const { brokers, topic } = task
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, acks: 1, messages: [{ value: VALUE }] })
  await keepUnderWay(task, pass, {
    one: message => producer.send({ topic, acks: 1, messages: [message] }),
    many: messages => producer.send({ topic, acks: 1, messages }),
  })
  await producer.disconnect()
}

await measure(run)
