import { Consumer, MessagesStreamModes } from '@platformatic/kafka'
import type { Task } from '../measurement.ts'
import { freshGroup, measure } from './child.ts'
import type { Pass } from './pass.ts'

/** At its default of 50 MiB, answers that a backlog fills take it six times as long to read, and hold up its timers for seconds. */
const MAX_BYTES = 4 * 1024 * 1024

/** @platformatic/kafka as a flowing stream, its fastest way; commits by interval. */
async function run(task: Task, pass: Pass): Promise<void> {
  const consumer = new Consumer({
    groupId: freshGroup(),
    clientId: 'bench',
    bootstrapBrokers: [...task.brokers],
    ...task.security,
  })
  const stream = await consumer.consume({
    topics: [task.topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: 1_000,
    maxBytes: MAX_BYTES,
  })
  stream.on('data', message => pass.add(message.value.length))
  await pass.done
  await stream.close()
  await consumer.close(true)
}

await measure(run)
