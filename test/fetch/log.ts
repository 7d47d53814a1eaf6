import type { AbortedTransaction, FetchedPartition, Isolation } from '../../src/client/low-level-client.ts'
import { type BatchOptions, type RecordInput, writeBatch, writeEndMarker } from '../../src/records/batch-writer.ts'
import { crc32c } from '../../src/records/crc32c.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'

export interface Appended extends BatchOptions {
  /** Offsets behind the last record that compaction removed records from. */
  readonly hole?: number
}

/** One partition of a broker in memory: real batches, and what a broker answers of them. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  /** Null: a broker that has no ids. */
  topicId: string | null = null
  leader: number
  leaderEpoch = 0
  /** First offsets of the epochs in which something was written. */
  epochs: { readonly epoch: number; readonly from: number }[] = []
  logStart = 0
  end = 0
  batches: RecordBatch[] = []
  /** Offsets of messages that readers must see, in order. */
  visible: number[] = []
  #aborted: (AbortedTransaction & { lastOffset: number })[] = []

  constructor(topic: string, partition: number, leader = 1) {
    this.topic = topic
    this.partition = partition
    this.leader = leader
  }

  append(records: number | readonly RecordInput[], options: Appended = {}): RecordBatch {
    const inputs = typeof records === 'number' ? values(records, this.end) : records
    const { hole = 0, ...rest } = options
    const first = this.end
    const batch = this.#add(writeBatch(inputs, { leaderEpoch: this.leaderEpoch, ...rest, baseOffset: first }), hole)
    if (!options.transactional) this.visible.push(...inputs.map((_, index) => first + index))
    return batch
  }

  /** Another leader, under a new epoch. */
  elect(leader: number): void {
    this.leader = leader
    this.leaderEpoch++
  }

  /** What an unclean election does: the new leader never had what lies from this offset on. */
  cut(end: number, leader = this.leader): void {
    this.end = end
    this.batches = this.batches.filter(({ lastOffset }) => lastOffset < end)
    this.visible = this.visible.filter(offset => offset < end)
    this.epochs = this.epochs.filter(({ from }) => from < end)
    this.elect(leader)
  }

  /** As a leader of Kafka answers it. */
  endOf(epoch: number): { leaderEpoch: number; endOffset: number } {
    if (epoch > this.leaderEpoch) return { leaderEpoch: -1, endOffset: -1 }
    const next = this.epochs.find(each => each.epoch > epoch)
    const last = this.epochs.findLast(each => each.epoch <= epoch)
    return { leaderEpoch: last?.epoch ?? epoch, endOffset: next?.from ?? this.end }
  }

  /** Offsets that no batch has: compaction removed them whole. */
  gap(offsets: number): void {
    this.end += offsets
  }

  /** A transaction of these batches, interleaved with nothing, and its marker. */
  transaction(producerId: number, sizes: readonly number[], type: 'abort' | 'commit'): void {
    const firstOffset = this.end
    for (const size of sizes) {
      const first = this.end
      this.append(size, { transactional: true, producerId, producerEpoch: 0 })
      if (type === 'commit') for (let index = 0; index < size; index++) this.visible.push(first + index)
    }
    const { leaderEpoch, end: baseOffset } = this
    this.#add(writeEndMarker({ type, producerId, producerEpoch: 0, leaderEpoch, baseOffset }), 0)
    if (type === 'abort') this.#aborted.push({ producerId, firstOffset, lastOffset: this.end - 1 })
  }

  /** Whole batches from the one with `offset` on, at most `maxBytes`; the first however large it is, if `first`. */
  read(offset: number, maxBytes: number, first: boolean): RecordBatch[] {
    const found: RecordBatch[] = []
    let left = maxBytes
    for (const batch of this.batches) {
      if (batch.lastOffset < offset) continue
      if (batch.buffer.length > left && !(first && found.length === 0)) break
      found.push(batch)
      left -= batch.buffer.length
    }
    return found
  }

  answer(batches: readonly RecordBatch[], isolation: Isolation): FetchedPartition {
    const { topic, partition, end, logStart } = this
    const last = batches.at(-1)?.lastOffset ?? -1
    const from = batches[0]?.baseOffset ?? 0
    return {
      topic,
      partition,
      error: null,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: logStart,
      aborted:
        isolation === 'read_committed'
          ? this.#aborted.filter(({ firstOffset, lastOffset }) => firstOffset <= last && lastOffset >= from)
          : [],
      batches,
      bytes: batches.reduce((sum, batch) => sum + batch.buffer.length, 0),
      corrupt: null,
    }
  }

  #add(buffer: Buffer, hole: number): RecordBatch {
    if (hole > 0) {
      buffer.writeInt32BE(buffer.readInt32BE(23) + hole, 23)
      seal(buffer)
    }
    const batch = new RecordBatch(buffer)
    if (this.epochs.at(-1)?.epoch !== batch.leaderEpoch) this.epochs.push({ epoch: batch.leaderEpoch, from: this.end })
    this.batches.push(batch)
    this.end = batch.lastOffset + 1
    return batch
  }
}

/** Makes the checksum fit again. */
export function seal(buffer: Buffer): void {
  buffer.writeUInt32BE(crc32c(buffer.subarray(21)), 17)
}

function values(count: number, from: number): RecordInput[] {
  return Array.from({ length: count }, (_, index) => ({ key: `k${index % 7}`, value: `value ${from + index}` }))
}
