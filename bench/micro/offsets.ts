/**
 * What it costs that a message is held for good with a million done above it, and what it costs to commit before handling: CPU of the
 * consumer's thread for each message, with commits to an embedded broker in a thread of its own. Each is measured in turn with what it is
 * compared to, in one process, and the quotients of the pairs are told: what else the machine does slows both. It is no test.
 */
import { Broker } from '../../src/broker/index.ts'
import { Consumer, type ConsumerOptions, NativeClient } from '../../src/index.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { silent } from '../log.ts'

const PAIRS = 7
const MESSAGES = 1_000_000
const PER_BATCH = 1_000
const TOPIC = 'orders'

interface Case {
  readonly options: Pick<ConsumerOptions, 'work' | 'offsets'>
  readonly held?: boolean
}

const plain: Case = { options: { work: { attempts: 1, onFailure: 'hold' } } }
const cases: Readonly<Record<string, Case>> = {
  'the first message is held': { ...plain, held: true },
  'at most once': { options: { offsets: { mode: 'at-most-once' } } },
}

const broker = await Broker.start({ thread: true, topics: { [TOPIC]: 1 } })
await fill()
let groups = 0
for (const [name, each] of Object.entries(cases)) {
  await round(each)
  await round(plain)
  const quotients: number[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const first = pair % 2 === 0
    const before = first ? await round(each) : await round(plain)
    const after = first ? await round(plain) : await round(each)
    quotients.push(first ? before / after : after / before)
  }
  quotients.sort((a, b) => a - b)
  const [least = 0, median = 0, most = 0] = [0, PAIRS >> 1, PAIRS - 1].map(at => quotients[at])
  console.log(`${name}: ${median.toFixed(2)} × the CPU (${least.toFixed(2)}–${most.toFixed(2)})`)
}
await broker.close()

/** CPU for the second half of the messages, in microseconds for each. */
async function round({ options, held = false }: Case): Promise<number> {
  let handled = 0
  let before = process.threadCpuUsage()
  const { promise, resolve } = Promise.withResolvers<void>()
  const consumer = new Consumer({ brokers: broker.brokers, logger: silent, group: `g${groups++}`, ...options })
  consumer.topic({ topic: TOPIC, partitions: [0] }, ({ offset }) => {
    if (held && offset === 0) throw new Error('it is not to be had')
    handled++
    if (handled === MESSAGES) before = process.threadCpuUsage()
    if (handled === 2 * MESSAGES) resolve()
  })
  const ended = consumer.run()
  await Promise.race([promise, ended])
  const { user, system } = process.threadCpuUsage(before)
  await consumer.close()
  await ended
  return (user + system) / MESSAGES
}

/** The first message has a key of its own, so that none waits behind it. */
async function fill(): Promise<void> {
  const client = new NativeClient({ brokers: broker.brokers, logger: silent })
  await client.metadata([TOPIC])
  const keys = Array.from({ length: PER_BATCH }, (_, at) => `customer-${at}`)
  const value = Buffer.alloc(100, 'x')
  await client.produce([{ topic: TOPIC, partition: 0, records: writeBatch([{ key: 'first', value }]) }])
  const records = writeBatch(keys.map(key => ({ key, value })))
  for (let written = 0; written < 2 * MESSAGES; written += PER_BATCH) {
    await client.produce([{ topic: TOPIC, partition: 0, records }])
  }
  await client.close()
}
