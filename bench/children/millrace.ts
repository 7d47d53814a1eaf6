import type { BatchHandler, Handler } from '../../src/index.ts'
import type { Task } from '../measurement.ts'
import { freshGroup, measure, readTask } from './child.ts'
import type { Pass } from './pass.ts'
import { readRecords } from './records.ts'
import { millrace } from './source.ts'

const HANDLER_MS = 5

const handlers: Record<string, (pass: Pass) => Handler | BatchHandler> = {
  batch: pass =>
    millrace.batch({ messages: 500, lingerMs: 20 }, messages => {
      for (const message of messages) pass.add(message.value?.length ?? 0)
    }),
  sync: pass => message => pass.add(message.value?.length ?? 0),
  async: pass => async message => pass.add(message.value?.length ?? 0),
  timer: pass => async message => {
    await new Promise(resolve => setTimeout(resolve, HANDLER_MS))
    pass.add(message.value?.length ?? 0)
  },
}

/** A consumer at its defaults, with commits to a group; a mode of `offsets` may stand behind the handler. */
async function run(task: Task, pass: Pass): Promise<void> {
  const [name = '', mode] = task.handler.split(' ')
  const handler = handlers[name]?.(pass)
  if (handler === undefined) throw new Error(`No handler is named ${task.handler}`)
  const consumer = new millrace.Consumer({
    brokers: task.brokers,
    ...task.security,
    group: freshGroup(),
    work: { concurrency: task.concurrency },
    offsets: { mode: mode === 'at-most-once' ? mode : 'at-least-once' },
  }).topic({ topic: task.topic, partitions: Array.from({ length: task.partitions }, (_, index) => index) }, handler)
  const ended = consumer.run()
  await Promise.race([pass.done, ended])
  await consumer.close()
  await ended
}

await measure(readTask().handler === 'records' ? readRecords : run, process.env.MILLRACE === 'dist' ? 'dist' : null)
