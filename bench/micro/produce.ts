/**
 * What a producer costs for each message of 100 bytes: sent in lists of 1,000, or alone with 1,000 in flight; to a client that takes all
 * (the producer alone) and to the embedded broker in another thread (client and socket as well). Run it with
 * `node bench/micro/produce.ts [TEXT]`; it prints the best of several rounds, which other processes disturb least, and is no test.
 */
import { Broker } from '../../src/broker/index.ts'
import type { LowLevelClient, ProduceBatch } from '../../src/client/low-level-client.ts'
import type { ProducerOptions } from '../../src/producer/options.ts'
import { Producer } from '../../src/producer/producer.ts'
import type { Bytes } from '../../src/records/batch-builder.ts'

const ROUNDS = 7
const PARTITIONS = 8
const topic = 'bench'
const value = Buffer.alloc(100, 'x')
const messages = Array.from({ length: 1_000 }, () => ({ topic, value }))
const keyed = messages.map((message, at) => ({ ...message, key: `key-${(at * 7919) % 10_000}` }))

/** Takes everything at once. */
function takesAll(): LowLevelClient {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    leader: 1,
    leaderEpoch: 0,
    replicas: [1],
    inSyncReplicas: [1],
    error: null,
  }))
  const topics = new Map([[topic, { topic, topicId: null, internal: false, partitions, error: null }]])
  const client: Pick<LowLevelClient, 'metadata' | 'produce' | 'close'> = {
    metadata: async () => ({ clusterId: null, controller: 1, brokers: [], topics }),
    produce: async (batches: readonly ProduceBatch[]) => {
      await new Promise(resolve => setImmediate(resolve))
      return batches.map(({ partition }) => ({ topic, partition, error: null, baseOffset: 0, logAppendTime: -1 }))
    },
    close: async () => {},
  }
  // Nothing else of it is used.
  return client as LowLevelClient
}

/** Lists of 1,000, so many under way. */
async function inLists(producer: Producer, list: typeof messages, total: number, underWay: number): Promise<void> {
  let left = total
  const one = async () => {
    while (left > 0) {
      left -= list.length
      await producer.sendBatch(list)
    }
  }
  await Promise.all(Array.from({ length: underWay }, one))
}

async function alone(producer: Producer, total: number, underWay: number): Promise<void> {
  let left = total
  const one = async () => {
    while (left-- > 0) await producer.send({ topic, value })
  }
  await Promise.all(Array.from({ length: underWay }, one))
}

/** The best of the rounds: millions per second by the clock, and nanoseconds of this thread's CPU for each. */
async function measure(what: string, units: number, run: () => Promise<void>): Promise<void> {
  const rates: number[] = []
  const cpu: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    const used = process.threadCpuUsage()
    await run()
    const { user, system } = process.threadCpuUsage(used)
    rates.push(units / (performance.now() - start) / 1_000)
    cpu.push(((user + system) * 1_000) / units)
  }
  const rate = Math.max(...rates).toFixed(2)
  console.log(
    `${what.padEnd(64)} ${rate.padStart(8)} M/s ${Math.min(...cpu)
      .toFixed(0)
      .padStart(8)} ns CPU`,
  )
}

async function all(where: string, options: ProducerOptions<Bytes, Bytes>): Promise<void> {
  const producer = new Producer({ acks: 1, ...options })
  const only = process.argv[2] ?? ''
  const cases: [string, number, (units: number) => Promise<void>][] = [
    ['lists of 1,000, 20 under way', 400_000, units => inLists(producer, messages, units, 20)],
    ['keyed lists of 1,000, 20 under way', 400_000, units => inLists(producer, keyed, units, 20)],
    ['alone, 1,000 under way', 200_000, units => alone(producer, units, 1_000)],
    ['alone, 1 under way', 5_000, units => alone(producer, units, 1)],
  ]
  for (const [name, units, run] of cases) {
    const what = `${where}, ${name}`
    if (what.includes(only)) await measure(what, units, () => run(units))
  }
  await producer.close()
}

await all('producer', { brokers: ['none:1'], client: takesAll() })
const broker = await Broker.start({
  thread: true,
  config: { 'log.retention.bytes': String(64 << 20), 'log.segment.bytes': String(16 << 20) },
  topics: { [topic]: { partitions: PARTITIONS } },
})
await all('broker', { brokers: broker.brokers })
await all('idempotent', { brokers: broker.brokers, acks: 'all' })
await broker.close()
