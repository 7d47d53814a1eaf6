import { silent } from '../log.ts'
import type { Task } from '../measurement.ts'
import { freshGroup, measure, readTask } from './child.ts'
import type { Pass } from './pass.ts'
import { VALUE } from './produce/value.ts'
import { millrace } from './source.ts'

const source = `dead-letters-${process.pid}`
const target = `${source}.dlq`
const KEYS = 10_000
const PER_LIST = 1_000

/** `same`: the handler throws one error again and again, and makes none. */
const { brokers, partitions, messages, handler } = readTask()
const same = handler === 'same' ? new Error('no such customer') : null

/** A consumer whose handler always fails, at once. A message counts when it is acknowledged in the dead-letter topic, and done here. */
async function run({ concurrency }: Task, pass: Pass): Promise<void> {
  const consumer = new millrace.Consumer({
    brokers,
    group: freshGroup(),
    logger: silent,
    work: { concurrency, attempts: 1, onFailure: millrace.deadLetter(target) },
  }).topic({ topic: source, partitions: Array.from({ length: partitions }, (_, index) => index) }, () => {
    pass.begin()
    throw same ?? new Error('no such customer')
  })
  consumer.on('failed', ({ message }) => pass.add(message.rawValue?.length ?? 0))
  const ended = consumer.run()
  await Promise.race([pass.done, ended])
  await consumer.close()
  await ended
}

async function fill(): Promise<void> {
  await using producer = new millrace.Producer({ brokers, logger: silent })
  for (let from = 0; from < messages; from += PER_LIST) {
    const list = Array.from({ length: Math.min(PER_LIST, messages - from) }, (_, at) => {
      return { topic: source, key: `customer-${((from + at) * 7_919) % KEYS}`, value: VALUE }
    })
    await producer.sendBatch(list)
  }
}

await using admin = new millrace.Admin({ brokers, clientId: 'bench', logger: silent })
for (const topic of [source, target]) await admin.createTopic(topic, { partitions })
await admin.waitForLeaders([source, target], { timeoutMs: 10_000 })
await fill()
await measure(run)
for (const topic of [source, target]) await admin.deleteTopic(topic)
