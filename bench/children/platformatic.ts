import { Consumer, MessagesStreamModes } from '@platformatic/kafka'
import type { Task } from '../measurement.ts'
import { freshGroup, measure } from './child.ts'
import type { Pass } from './pass.ts'

/** @platformatic/kafka as a flowing stream, its fastest way; commits by interval. */
async function run(task: Task, pass: Pass): Promise<void> {
  const consumer = new Consumer({
    groupId: freshGroup(),
    clientId: 'bench',
    bootstrapBrokers: [...task.brokers],
  })
  const stream = await consumer.consume({
    topics: [task.topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: 1_000,
  })
  stream.on('data', message => pass.add(message.value.length))
  await pass.done
  await stream.close()
  await consumer.close(true)
}

await measure(run)
