import type { Task } from '../../measurement.ts'
import { measure } from '../child.ts'
import type { Pass } from '../pass.ts'
import { millrace } from '../source.ts'
import { keepUnderWay } from './keep-under-way.ts'
import { VALUE } from './value.ts'

/** A producer at its defaults but `acks`; `idempotent` leaves that as well. */
async function run(task: Task, pass: Pass): Promise<void> {
  const { brokers, topic } = task
  const acks = task.handler.endsWith('idempotent') ? {} : { acks: 1 as const }
  const producer = new millrace.Producer({ brokers, ...acks })
  // Connected, and the topic is known.
  await producer.send({ topic, value: VALUE })
  await keepUnderWay(task, pass, {
    one: message => producer.send(message),
    many: messages => delivered(producer.sendBatch(messages)),
  })
  await producer.close()
}

/** Nothing that was not delivered counts. */
async function delivered(results: Promise<readonly object[]>): Promise<void> {
  for (const result of await results) if (result instanceof Error) throw result
}

await measure(run, process.env.MILLRACE === 'dist' ? 'dist' : null)
