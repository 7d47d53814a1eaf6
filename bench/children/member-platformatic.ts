import { Consumer, type Message, MessagesStreamFallbackModes, MessagesStreamModes } from '@platformatic/kafka'
import { handle, readMemberTask, serve } from './member.ts'

/**
 * @platformatic/kafka as a flowing stream, all messages at once, each committed when it is handled: its automatic commits cover what
 * was fetched, handled or not, so that a kill may lose messages.
 */
const task = readMemberTask()
const consumer = new Consumer({
  groupId: task.group,
  clientId: 'bench',
  bootstrapBrokers: [...task.brokers],
  sessionTimeout: task.sessionTimeoutMs,
  heartbeatInterval: task.heartbeatIntervalMs,
  protocols: [{ name: 'cooperative-sticky', version: 3 }],
})
const running = new Set<Promise<void>>()
let stopReading = async () => {}

async function work(message: Message): Promise<void> {
  await handle(task, message.partition, message.offset)
  await message.commit()
}

await serve({
  async join() {
    const stream = await consumer.consume({
      topics: [task.topic],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      autocommit: false,
    })
    stream.on('data', message => {
      // A commit that fails comes with the next one; a stream that fails ends this process.
      const done = work(message).catch(() => {})
      running.add(done)
      void done.then(() => running.delete(done))
    })
    stopReading = async () => {
      stream.pause()
      await Promise.all(running)
      await stream.close()
    }
  },
  async leave() {
    await stopReading()
    await consumer.close(true)
  },
})
