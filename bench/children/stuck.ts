import type { LowLevelClient } from '../../src/index.ts'
import { silent } from '../log.ts'
import type { Task } from '../measurement.ts'
import { freshGroup, measure, readTask } from './child.ts'
import type { Pass } from './pass.ts'
import { batchWriter, millrace } from './source.ts'

const FIRST = 'first'
const KEYS = 10_000
const PER_BATCH = 150
const VALUE = Buffer.alloc(100, 'x')

/** `held`: the first message fails for good. As many messages as are measured are done above it before that begins. */
const { brokers, topic, messages, handler } = readTask()
const held = handler === 'held'

async function run({ concurrency }: Task, pass: Pass): Promise<void> {
  let done = 0
  const consumer = new millrace.Consumer({
    brokers,
    group: freshGroup(),
    logger: silent,
    work: { concurrency, attempts: 1, onFailure: 'hold' },
  }).topic({ topic, partitions: [0] }, ({ offset, value }) => {
    if (held && offset === 0) throw new Error('it is not to be had')
    if (++done > messages) pass.add(value?.length ?? 0)
  })
  const ended = consumer.run()
  await Promise.race([pass.done, ended])
  await consumer.close()
  await ended
}

/** The first message has a key of its own, so that none waits behind it. */
async function fill(): Promise<void> {
  const client = new millrace.NativeClient({ brokers, clientId: 'bench', logger: silent })
  try {
    await write(client, [{ key: FIRST, value: VALUE }])
    for (let from = 0; from <= 2 * messages; from += PER_BATCH) {
      const keys = Array.from({ length: PER_BATCH }, (_, at) => `customer-${((from + at) * 7_919) % KEYS}`)
      await write(
        client,
        keys.map(key => ({ key, value: VALUE })),
      )
    }
  } finally {
    await client.close()
  }
}

async function write(client: LowLevelClient, records: readonly { key: string; value: Buffer }[]): Promise<void> {
  const [answer] = await client.produce([{ topic, partition: 0, records: batchWriter.writeBatch(records) }])
  if (answer === undefined || answer.error !== null) throw answer?.error ?? new Error('no answer')
}

await fill()
await measure(run)
