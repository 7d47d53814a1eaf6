import type { FetchAnswer, FetchQuery, LowLevelClient, ProduceBatch, ProducedBatch } from '../../src/index.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'

const PARTITIONS = 8
/** What a producer's batch has by default. */
const BATCH_BYTES = 16_384
export const TOPIC = 'orders'
export const DEAD_LETTERS = 'orders.dlq'

/** A client in memory that serves the same batches of each partition again and again, at rising offsets. */
export class EndlessClient implements LowLevelClient {
  readonly #template: Buffer
  readonly #count: number

  constructor(keyed: boolean, valueBytes: number) {
    const value = Buffer.alloc(valueBytes, 'x')
    const count = Math.max(1, Math.floor(BATCH_BYTES / (valueBytes + 20)))
    let next = 0
    const records = Array.from({ length: count }, () => ({
      key: keyed ? `customer-${(next++ * 7919) % 10_000}` : null,
      value,
    }))
    this.#template = writeBatch(records)
    this.#count = count
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
        buffer.writeBigInt64BE(BigInt(offset + batches.length * this.#count), 0)
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
