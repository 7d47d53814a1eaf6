import { Kafka, logLevel } from 'kafkajs'
import type { Task } from '../measurement.ts'
import { freshGroup, measure } from './child.ts'
import type { Pass } from './pass.ts'

/** kafkajs with `eachBatch`; its defaults, in a group, with commits. */
async function run(task: Task, pass: Pass): Promise<void> {
  const kafka = new Kafka({ brokers: [...task.brokers], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: freshGroup() })
  await consumer.connect()
  await consumer.subscribe({ topics: [task.topic], fromBeginning: true })
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) pass.add(message.value?.length ?? 0)
    },
  })
  await pass.done
  await consumer.disconnect()
}

await measure(run)
