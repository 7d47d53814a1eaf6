import { BatchBuilder, type BatchHeader, type RecordInput } from './batch-builder.ts'
import { CONTROL } from './record-batch.ts'

export type { RecordInput } from './batch-builder.ts'

export interface BatchOptions extends BatchHeader {
  /** Timestamp of records that have none, milliseconds since 1970. Default: the time of the call. */
  readonly now?: number | undefined
}

/** One record batch in format v2 (https://kafka.apache.org/documentation/#recordbatch), ready to be produced. */
export function writeBatch(records: readonly RecordInput[], options: BatchOptions = {}): Buffer {
  return write(records, options, 0)
}

export interface EndMarker {
  readonly type: 'abort' | 'commit'
  readonly producerId: number | bigint
  readonly producerEpoch: number
  /** Default 0. */
  readonly coordinatorEpoch?: number | undefined
  readonly baseOffset?: number | undefined
  readonly leaderEpoch?: number | undefined
  readonly now?: number | undefined
}

/** The control batch that ends a transaction in one partition, as a broker writes it (KIP-98). */
export function writeEndMarker(marker: EndMarker): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.type === 'abort' ? 0 : 1, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch ?? 0, 2)
  return write([{ key, value }], { ...marker, transactional: true }, CONTROL)
}

function write(records: readonly RecordInput[], options: BatchOptions, attributes: number): Buffer {
  const now = options.now ?? Date.now()
  const batch = new BatchBuilder()
  for (const record of records) batch.append(record, record.timestamp ?? now)
  return batch.finish(options, attributes)
}
