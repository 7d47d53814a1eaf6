import rdkafka from 'node-rdkafka'
import type { Task } from '../measurement.ts'
import { freshGroup, measure } from './child.ts'
import type { Pass } from './pass.ts'

const BATCH = 1_000

/** node-rdkafka in batches, with commits by interval. */
async function run(task: Task, pass: Pass): Promise<void> {
  const consumer = new rdkafka.KafkaConsumer(
    { 'metadata.broker.list': task.brokers.join(','), 'group.id': freshGroup(), 'enable.auto.commit': true },
    { 'auto.offset.reset': 'earliest' },
  )
  await new Promise<void>((resolve, reject) => {
    consumer.connect({}, error => (error ? reject(error) : resolve()))
  })
  consumer.setDefaultConsumeTimeout(100)
  consumer.assign(Array.from({ length: task.partitions }, (_, partition) => ({ topic: task.topic, partition })))
  let open = true
  const drained = (async () => {
    while (open) for (const message of await take(consumer)) pass.add(message.value?.length ?? 0)
  })()
  await Promise.race([pass.done, drained])
  open = false
  await drained
  await new Promise(resolve => consumer.disconnect(resolve))
}

function take(consumer: rdkafka.KafkaConsumer): Promise<rdkafka.Message[]> {
  return new Promise((resolve, reject) => {
    consumer.consume(BATCH, (error, messages) => (error ? reject(error) : resolve(messages)))
  })
}

await measure(run, `librdkafka ${rdkafka.librdkafkaVersion}`)
