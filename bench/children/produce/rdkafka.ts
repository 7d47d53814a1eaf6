import rdkafka from 'node-rdkafka'
import type { Task } from '../../measurement.ts'
import { measure } from '../child.ts'
import type { Pass } from '../pass.ts'
import { VALUE } from './value.ts'

const POLL_MS = 1

/** node-rdkafka with delivery reports, `lists` and `single` alike: it has no other way than one message after another. */
async function run(task: Task, pass: Pass): Promise<void> {
  const underWay = task.handler.startsWith('single') ? task.concurrency : task.concurrency * 1_000
  const producer = new rdkafka.Producer({ 'metadata.broker.list': task.brokers.join(','), dr_cb: true }, { acks: 1 })
  await new Promise<void>((resolve, reject) => {
    producer.connect({}, error => (error ? reject(error) : resolve()))
  })
  let sent = -1
  let acknowledged = -1
  const more = () => {
    while (sent < task.messages && sent - acknowledged < underWay) {
      producer.produce(task.topic, null, VALUE)
      sent += 1
    }
  }
  const failed = new Promise<void>((_, reject) => {
    producer.on('delivery-report', error => {
      if (error) reject(error)
      acknowledged += 1
      // The first one found out where the topic is.
      if (acknowledged === 0) pass.begin()
      else pass.add(VALUE.length)
      if (sent - acknowledged < underWay / 2) more()
    })
  })
  producer.setPollInterval(POLL_MS)
  producer.produce(task.topic, null, VALUE)
  sent += 1
  await Promise.race([pass.done, failed])
  await new Promise(resolve => producer.disconnect(resolve))
}

await measure(run, `librdkafka ${rdkafka.librdkafkaVersion}`)
