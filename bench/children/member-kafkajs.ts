import { Kafka, logLevel } from 'kafkajs'
import { handle, readMemberTask, serve } from './member.ts'

/**
 * kafkajs with `eachBatch`: partitions side by side, and all messages of a batch at once. It commits after each batch by itself;
 * round-robin is the only strategy that it brings.
 */
const task = readMemberTask()
const kafka = new Kafka({ brokers: [...task.brokers], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId: task.group,
  sessionTimeout: task.sessionTimeoutMs,
  heartbeatInterval: task.heartbeatIntervalMs,
})
await consumer.connect()

await serve({
  async join() {
    await consumer.subscribe({ topics: [task.topic], fromBeginning: true })
    await consumer.run({
      partitionsConsumedConcurrently: 100,
      eachBatch: async ({ batch }) => {
        await Promise.all(batch.messages.map(message => handle(task, batch.partition, message.offset)))
      },
    })
  },
  leave: () => consumer.disconnect(),
})
