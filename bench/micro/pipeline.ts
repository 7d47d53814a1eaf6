/**
 * What a message costs from the fetched batch to its settlement, without sockets: a client in memory serves the same batches again
 * and again, at rising offsets. Run it with `node bench/micro/pipeline.ts [NAME…]`; it prints the best of several rounds in
 * nanoseconds of this process's CPU for each message, and is no test.
 */
import {
  type BatchHandler,
  batch,
  Consumer,
  deadLetter,
  type FetchAnswer,
  type FetchQuery,
  type Handler,
  type LowLevelClient,
  type Message,
  type ProduceBatch,
  type ProducedBatch,
} from '../../src/index.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'

const ROUNDS = 5
const MESSAGES = 2_000_000
const FAILING = 200_000
const PARTITIONS = 8
const PER_BATCH = 140
const TOPIC = 'orders'
const DEAD_LETTERS = 'orders.dlq'
const VALUE = Buffer.alloc(100, 'x')

/** Serves each partition without an end, 1 MiB of it at a time. */
class EndlessClient implements LowLevelClient {
  readonly #template: Buffer

  constructor(keyed: boolean) {
    let next = 0
    const records = Array.from({ length: PER_BATCH }, () => ({
      key: keyed ? `customer-${(next++ * 7919) % 10_000}` : null,
      value: VALUE,
    }))
    this.#template = writeBatch(records)
  }

  async metadata(): Promise<Awaited<ReturnType<LowLevelClient['metadata']>>> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => {
      return { partition, leader: 1, leaderEpoch: 0, replicas: [1], inSyncReplicas: [1], error: null }
    })
    return {
      clusterId: null,
      controller: 1,
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: 1, rack: null }],
      topics: new Map(
        [TOPIC, DEAD_LETTERS].map(topic => [topic, { topic, topicId: null, internal: false, partitions, error: null }]),
      ),
    }
  }

  fetch(query: FetchQuery): Promise<FetchAnswer> {
    let left = query.maxBytes
    const partitions = query.partitions.map(({ topic, partition, offset, maxBytes }) => {
      const batches: RecordBatch[] = []
      let bytes = 0
      while (bytes + this.#template.length <= Math.min(maxBytes, left) || batches.length === 0) {
        const buffer = Buffer.allocUnsafeSlow(this.#template.length)
        this.#template.copy(buffer)
        buffer.writeBigInt64BE(BigInt(offset + batches.length * PER_BATCH), 0)
        batches.push(new RecordBatch(buffer))
        bytes += buffer.length
      }
      left -= bytes
      const end = offset + 100_000_000
      const ends = { highWatermark: end, lastStableOffset: end, logStartOffset: 0 }
      return { topic, partition, error: null, ...ends, aborted: [], batches, bytes, corrupt: null }
    })
    return new Promise(resolve => setImmediate(() => resolve({ throttleMs: 0, partitions })))
  }

  async listOffsets(queries: Parameters<LowLevelClient['listOffsets']>[0]): ReturnType<LowLevelClient['listOffsets']> {
    return queries.map(({ topic, partition }) => {
      return { topic, partition, error: null, offset: 0, timestamp: -1, leaderEpoch: 0 }
    })
  }

  /** Takes all. */
  async produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]> {
    await new Promise(resolve => setImmediate(resolve))
    return batches.map(({ topic, partition }) => ({ topic, partition, error: null, baseOffset: 0, logAppendTime: -1 }))
  }

  async close(): Promise<void> {}
}

type Touch = (message: Message) => void

interface Case {
  readonly keyed: boolean
  readonly concurrency: number
  /** Every message fails, and counts when it is written to the dead-letter topic and done. */
  readonly fails?: boolean
  readonly handler: (touch: Touch) => Handler | BatchHandler
}

const shared = new Error('no such customer')
const cases: Record<string, Case> = {
  batches: {
    keyed: false,
    concurrency: 16,
    handler: touch => batch({ messages: 500, lingerMs: 20 }, messages => messages.forEach(touch)),
  },
  'keyed batches': {
    keyed: true,
    concurrency: 16,
    handler: touch => batch({ messages: 500, lingerMs: 20 }, messages => messages.forEach(touch)),
  },
  'sync 16': { keyed: true, concurrency: 16, handler: touch => touch },
  'sync 1000': { keyed: true, concurrency: 1_000, handler: touch => touch },
  'sync, no key': { keyed: false, concurrency: 16, handler: touch => touch },
  'async 16': { keyed: true, concurrency: 16, handler: touch => async message => touch(message) },
  'async 1000': { keyed: true, concurrency: 1_000, handler: touch => async message => touch(message) },
  'dead letters': {
    keyed: true,
    concurrency: 1_000,
    fails: true,
    handler: () => () => {
      throw new Error('no such customer')
    },
  },
  'same error': {
    keyed: true,
    concurrency: 1_000,
    fails: true,
    handler: () => () => {
      throw shared
    },
  },
}

/** CPU nanoseconds for each message. */
async function round({ keyed, concurrency, handler, fails = false }: Case, messages: number): Promise<number> {
  let seen = 0
  let bytes = 0
  const done = Promise.withResolvers<void>()
  const count = (value: Buffer | null) => {
    bytes += value?.length ?? 0
    if (++seen === messages) done.resolve()
  }
  const touch = (message: Message) => count(message.value)
  const consumer = new Consumer({
    brokers: ['127.0.0.1:1'],
    client: new EndlessClient(keyed),
    logLevel: 'error',
    work: { concurrency, ...(fails && { attempts: 1, onFailure: deadLetter(DEAD_LETTERS) }) },
  }).topic(TOPIC, handler(touch))
  if (fails) consumer.on('failed', ({ message: { rawValue } }) => count(rawValue))
  const ended = consumer.run()
  const before = process.cpuUsage()
  await Promise.race([done.promise, ended])
  const { user, system } = process.cpuUsage(before)
  const counted = seen
  await consumer.close({ drainMs: 0 })
  await ended
  if (bytes < counted * VALUE.length) throw new Error('Values were missing')
  return ((user + system) * 1_000) / counted
}

const wanted = process.argv.slice(2)
for (const [name, each] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const messages = each.fails ? FAILING : MESSAGES
  await round(each, messages / 4)
  const results: number[] = []
  for (let index = 0; index < ROUNDS; index++) results.push(await round(each, messages))
  results.sort((a, b) => a - b)
  const [best = 0] = results
  const median = results[Math.floor(ROUNDS / 2)] ?? 0
  console.log(`${name.padEnd(16)} ${best.toFixed(0).padStart(5)} ns  (median ${median.toFixed(0)})`)
}
