import type { LowLevelClient } from '../../src/index.ts'
import { silent } from '../log.ts'
import type { Task } from '../measurement.ts'
import { measure, readTask } from './child.ts'
import type { Pass } from './pass.ts'
import { readRecords } from './records.ts'
import { batchWriter, millrace } from './source.ts'

const VALUE = Buffer.alloc(100, 'x')
const topic = `traffic-${process.pid}`
/** `produce` or `fetch`, and how many messages a batch has. */
const [what = '', size = ''] = readTask().handler.split(' ')
const perBatch = Number(size)
const batch = batchWriter.writeBatch(Array.from({ length: perBatch }, () => ({ value: VALUE })))

/** What the same client writes to a broker, or reads from it: only the broker differs. */
async function run(task: Task, pass: Pass): Promise<void> {
  if (what === 'fetch') await readRecords({ ...task, topic }, pass)
  else await write(task, pass)
}

/** Each partition gets one batch after another, acknowledged by all replicas. */
async function write(task: Task, pass: Pass | null): Promise<void> {
  const client = new millrace.NativeClient({ brokers: task.brokers, clientId: 'bench', logger: silent })
  try {
    const perPartition = Math.ceil(task.messages / task.partitions / perBatch)
    const partitions = Array.from({ length: task.partitions }, (_, partition) => partition)
    await Promise.all(partitions.map(partition => writePartition(client, partition, perPartition, pass)))
    await pass?.done
  } finally {
    await client.close()
  }
}

async function writePartition(client: LowLevelClient, partition: number, batches: number, pass: Pass | null) {
  for (let sent = 0; sent < batches; ) {
    const [answer] = await client.produce([{ topic, partition, records: batch }])
    // A new topic takes a moment until its leaders know.
    if (answer?.error?.retriable) continue
    if (answer === undefined || answer.error !== null) throw answer?.error ?? new Error('no answer')
    sent += 1
    if (pass !== null) for (let message = 0; message < perBatch; message += 1) pass.add(VALUE.length)
  }
}

const { brokers, partitions, ...task } = readTask()
const admin = new millrace.Admin({ brokers, clientId: 'bench', logger: silent })
await admin.createTopic(topic, { partitions, configs: { 'retention.bytes': String(256 * 1024 * 1024) } })
if (what === 'fetch') await write({ brokers, partitions, ...task }, null)
await measure(run)
await admin.deleteTopic(topic)
await admin.close()
