import { ProduceAcks, Producer } from '@platformatic/kafka'
import type { Task } from '../../measurement.ts'
import { measure } from '../child.ts'
import type { Pass } from '../pass.ts'
import { keepUnderWay } from './keep-under-way.ts'
import { VALUE } from './value.ts'

/** @platformatic/kafka, its defaults but `acks: 1`. */
async function run(task: Task, pass: Pass): Promise<void> {
  const { brokers, topic } = task
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [...brokers], acks: ProduceAcks.LEADER })
  await producer.send({ messages: [{ topic, value: VALUE }] })
  await keepUnderWay(task, pass, {
    one: message => producer.send({ messages: [message] }),
    many: messages => producer.send({ messages }),
  })
  await producer.close()
}

await measure(run)
