import { deleteRecordsHandlers } from '../../src/broker/api/delete-records.ts'
import { fetchHandlers } from '../../src/broker/api/fetch.ts'
import { leaderEpochHandlers } from '../../src/broker/api/leader-epoch.ts'
import { listOffsetsHandlers } from '../../src/broker/api/list-offsets.ts'
import { produceHandlers } from '../../src/broker/api/produce.ts'
import type { Call, Handler } from '../../src/broker/call.ts'
import type { Cluster } from '../../src/broker/cluster.ts'
import type { Log } from '../../src/broker/log/log.ts'
import type { Partition } from '../../src/broker/partition.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/frame.ts'
import type { ProduceResponsePartitionProduceResponse, Requests, Responses } from '../../src/protocol/messages.ts'
import { AbortedFilter } from '../../src/records/aborted.ts'
import { type BatchOptions, type RecordInput, writeBatch } from '../../src/records/batch-writer.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import type { RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'
import { startCluster } from './start-cluster.ts'

const handlers = {
  ...produceHandlers,
  ...fetchHandlers,
  ...listOffsetsHandlers,
  ...leaderEpochHandlers,
  ...deleteRecordsHandlers,
}
type LogApi = keyof typeof handlers
type FetchedPartition = Responses['Fetch']['responses'][number]['partitions'][number]

export interface Fetching {
  readonly version?: number
  readonly offset?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly committed?: boolean
  readonly epoch?: number
  readonly lastEpoch?: number
  readonly node?: number
  readonly gone?: AbortSignal
}

/** Records in short: values, or key and value. */
export type Short = string | readonly [key: string, value: string | null]

export function inFull(records: readonly Short[]): RecordInput[] {
  return records.map(record => (typeof record === 'string' ? { value: record } : { key: record[0], value: record[1] }))
}

/** What a client gets to see of batches that it fetched: offset, key and value of each message. */
export async function messagesIn(
  batches: readonly RecordBatch[],
  aborted: FetchedPartition['abortedTransactions'],
): Promise<[offset: number, key: string | null, value: string | null][]> {
  const filter = new AbortedFilter(aborted ?? [])
  const messages: [number, string | null, string | null][] = []
  for (const batch of batches) {
    if (!filter.keeps(batch)) continue
    const options = { topic: 't', partition: 0, maxInflatedBytes: 1 << 26, highWatermark: 0 }
    const open = await openBatch(batch, options)
    for (let message = open.next(); message !== null; message = open.next()) {
      messages.push([message.offset, text(message.rawKey), text(message.rawValue)])
    }
  }
  return messages
}

function text(bytes: Buffer | null): string | null {
  return bytes === null ? null : String(bytes)
}

/**
 * Logs without sockets: partition 0 of the topic `t`, led by node 1. Requests and answers go through the codec, with which they have to
 * agree; time stands still unless it is turned.
 */
export class LogBench {
  readonly clock = new VirtualClock()
  readonly cluster: Cluster

  /** With several nodes each partition is on all of them. */
  constructor({ nodes = 1, ...more }: { nodes?: number; config?: Record<string, string>; logBytes?: number } = {}) {
    const config = { 'default.replication.factor': String(nodes), ...more.config }
    this.cluster = startCluster(this.clock, config, nodes, more)
  }

  /** Changes settings of the topic `t`. */
  set(settings: Readonly<Record<string, string>>): void {
    this.cluster.topics.get('t')?.config.replace(new Map(Object.entries(settings)))
  }

  partition(topic = 't', index = 0): Partition {
    const found = this.cluster.topics.get(topic)?.partitions[index]
    if (found === undefined) throw new Error(`there is no ${topic}-${index}`)
    return found
  }

  get log(): Log {
    return this.partition().log
  }

  async ask<N extends LogApi>(
    name: N,
    version: number,
    body: Requests[N],
    { node = 1, gone = new AbortController().signal }: { node?: number; gone?: AbortSignal } = {},
  ): Promise<Responses[N]> {
    const request = decodeRequest(encodeRequest(name, version, 1, 'app', body).subarray(4))
    const call = { ...request, host: '127.0.0.1', node, gone } as unknown as Call<N>
    const answer = await (handlers[name] as Handler<N>)(this.cluster, call)
    if (answer === null) throw new Error('no answer is sent')
    return decodeResponse(name, version, encodeResponse(name, version, 1, answer).subarray(4))
  }

  /** Sends batches of partition 0, or what else a client may take for it. */
  async send(
    records: Buffer | null,
    { version = 9, acks = -1, node = 1 } = {},
  ): Promise<ProduceResponsePartitionProduceResponse> {
    const topicId = this.cluster.topics.get('t')?.id as string
    const topic = { ...(version >= 13 ? { topicId } : { name: 't' }), partitionData: [{ index: 0, records }] }
    const answer = await this.ask('Produce', version, { acks, timeoutMs: 1_000, topicData: [topic] }, { node })
    return answer.responses[0]?.partitionResponses[0] as ProduceResponsePartitionProduceResponse
  }

  /** Writes a batch, and answers its offset; a rejection throws. */
  async write(records: readonly Short[], options: BatchOptions = {}): Promise<number> {
    const batch = writeBatch(inFull(records), { now: this.clock.wallTime(), ...options })
    const { errorCode, baseOffset } = await this.send(batch)
    if (errorCode !== 0) throw new Error(`error ${errorCode}`)
    return baseOffset
  }

  /** The whole answer for partition 0 of `t`. */
  async fetchAnswer(fetching: Fetching = {}): Promise<Responses['Fetch']> {
    const { version = 12, maxWaitMs = 0, node = 1, gone } = fetching
    const partition = {
      partition: 0,
      currentLeaderEpoch: fetching.epoch ?? -1,
      fetchOffset: fetching.offset ?? 0,
      lastFetchedEpoch: fetching.lastEpoch ?? -1,
      partitionMaxBytes: fetching.partitionMaxBytes ?? 1 << 20,
    }
    const topicId = this.cluster.topics.get('t')?.id as string
    const body = {
      maxWaitMs,
      minBytes: fetching.minBytes ?? 1,
      maxBytes: fetching.maxBytes ?? 1 << 24,
      isolationLevel: fetching.committed ? 1 : 0,
      topics: [{ ...(version >= 13 ? { topicId } : { topic: 't' }), partitions: [partition] }],
    }
    return this.ask('Fetch', version, body, { node, ...(gone && { gone }) })
  }

  async fetch(fetching: Fetching = {}): Promise<FetchedPartition> {
    return (await this.fetchAnswer(fetching)).responses[0]?.partitions[0] as FetchedPartition
  }

  /** What a consumer reads from an offset to the end, in as many fetches as that takes. */
  async read(fetching: Fetching = {}): Promise<[offset: number, key: string | null, value: string | null][]> {
    const messages: [number, string | null, string | null][] = []
    for (let offset = fetching.offset ?? 0; ; ) {
      const { errorCode, records, abortedTransactions } = await this.fetch({ ...fetching, offset })
      if (errorCode !== 0) throw new Error(`error ${errorCode}`)
      const { batches, corrupt } = splitBatches(records as Buffer, 0, records?.length ?? 0, {
        topic: 't',
        partition: 0,
      })
      if (corrupt !== null) throw corrupt
      const last = batches.at(-1)
      if (last === undefined) return messages
      const found = await messagesIn(batches, abortedTransactions)
      messages.push(...found.filter(([at]) => at >= offset))
      offset = last.lastOffset + 1
    }
  }

  async listed(timestamp: number, { version = 10, committed = false, epoch = -1, node = 1 } = {}) {
    const partition = { partitionIndex: 0, currentLeaderEpoch: epoch, timestamp }
    const topics = [{ name: 't', partitions: [partition] }]
    const body = { replicaId: -1, isolationLevel: committed ? 1 : 0, topics }
    const answer = await this.ask('ListOffsets', version, body, { node })
    const { errorCode, offset, timestamp: found, leaderEpoch } = answer.topics[0]?.partitions[0] ?? {}
    return { errorCode, offset, timestamp: found, leaderEpoch }
  }

  /** Answers the error code, or the offset with which the log begins now. */
  async deleteBefore(offset: number, node = 1): Promise<{ errorCode?: number; start?: number }> {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, offset }] }]
    const answer = await this.ask('DeleteRecords', 2, { topics, timeoutMs: 1_000 }, { node })
    const { errorCode, lowWatermark } = answer.topics[0]?.partitions[0] ?? {}
    return errorCode === 0 ? { start: lowWatermark ?? -1 } : { errorCode: errorCode ?? -1 }
  }
}

/** Whether a promise is still open when everything that can happen now has happened. */
export async function waits(promise: Promise<unknown>): Promise<boolean> {
  let open = true
  const close = () => {
    open = false
  }
  promise.then(close, close)
  await settled()
  return open
}
