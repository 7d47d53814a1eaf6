import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
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
  if (task.handler.startsWith('stream')) await stream(task, pass, producer.writable())
  else {
    await keepUnderWay(task, pass, {
      one: message => producer.send(message),
      many: messages => delivered(producer.sendBatch(messages)),
    })
  }
  await producer.close()
}

/** As fast as it takes them. One that is not delivered destroys the stream. */
async function stream({ topic, messages }: Task, pass: Pass, into: Writable): Promise<void> {
  pass.begin()
  for (let left = messages; left > 0; left--) {
    if (!into.write({ topic, value: VALUE })) await once(into, 'drain')
  }
  into.end()
  await finished(into)
  pass.add(messages * VALUE.length, messages)
}

/** Nothing that was not delivered counts. */
async function delivered(results: Promise<readonly object[]>): Promise<void> {
  for (const result of await results) if (result instanceof Error) throw result
}

await measure(run, process.env.MILLRACE === 'dist' ? 'dist' : null)
