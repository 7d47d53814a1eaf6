import { handle, readMemberTask, serve } from './member.ts'
import { millrace } from './source.ts'

/** Many handlers at once, as many as the others have; what is done is committed by interval, and before partitions are given up. */
const CONCURRENCY = 1_000

const task = readMemberTask()
const consumer = new millrace.Consumer({
  brokers: task.brokers,
  group: task.group,
  ownership: { sessionTimeoutMs: task.sessionTimeoutMs, heartbeatIntervalMs: task.heartbeatIntervalMs },
  work: { concurrency: CONCURRENCY },
  offsets: { commitIntervalMs: task.commitIntervalMs },
}).topic(task.topic, ({ partition, offset }) => handle(task, partition, offset))

await serve({
  async join() {
    // A fatal error ends this process.
    void consumer.run()
  },
  async leave() {
    await consumer.close()
  },
})
