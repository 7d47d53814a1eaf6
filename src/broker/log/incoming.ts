import { errorCodes } from '../../protocol/error-codes.ts'
import { crc32c } from '../../records/crc32c.ts'
import {
  COMPRESSION_BITS,
  COMPRESSIONS,
  HEADER_BYTES,
  LOG_APPEND_TIME,
  PREFIX_BYTES,
  RecordBatch,
  SEALED_FROM,
  type TimestampType,
} from '../../records/record-batch.ts'
import type { Config } from '../config.ts'
import { RecordCursor } from './record-cursor.ts'

/** What Kafka answers when it does not append. */
export interface Rejection {
  readonly errorCode: number
  readonly errorMessage?: string
  readonly recordErrors?: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string }[]
  /** Whether the answer tells where the log begins: Kafka does where it got as far as to look at the records. */
  readonly tellsStart?: boolean
  /** Whether Kafka refuses all that came in the same request. */
  readonly forAll?: boolean
}

/** Fewest bytes that the length of any format may claim. */
const minLength = 14
/** Up to the byte that tells the format. */
const magicEnd = 17
/** Refused records that an answer names. */
const maxRecordErrors = 100

/**
 * The one batch that a partition's records in a Produce request must be: a view of it, without what a sender may have cut off behind
 * it. Before any record is looked at, and as Kafka tells the errors apart.
 */
export function oneBatch(records: Buffer | null, version: number): RecordBatch | Rejection {
  const first = nextBatch(records ?? Buffer.alloc(0), 0)
  if (first === null) return { errorCode: errorCodes.INVALID_RECORD }
  if (!Buffer.isBuffer(first)) return { ...first, forAll: true }
  if (first[magicEnd - 1] !== 2) return { errorCode: errorCodes.INVALID_RECORD }
  if (first.length < HEADER_BYTES) return { errorCode: errorCodes.CORRUPT_MESSAGE }
  const batch = new RecordBatch(first)
  if (version < 7 && batch.compression === 'zstd') return { errorCode: errorCodes.UNSUPPORTED_COMPRESSION_TYPE }
  const second = nextBatch(records as Buffer, first.length)
  if (second === null) return batch
  return { errorCode: Buffer.isBuffer(second) ? errorCodes.INVALID_RECORD : second.errorCode }
}

/** Null where there is no whole batch any more. */
function nextBatch(records: Buffer, at: number): Buffer | Rejection | null {
  if (records.length - at < PREFIX_BYTES) return null
  const length = records.readInt32BE(at + 8)
  if (length < minLength) {
    const errorMessage = `A batch claims ${length} bytes, less than the ${minLength} of any record`
    return { errorCode: errorCodes.CORRUPT_MESSAGE, errorMessage }
  }
  if (records.length - at < magicEnd) return null
  const magic = records.readInt8(at + magicEnd - 1)
  if (magic < 0 || magic > 2) {
    return { errorCode: errorCodes.CORRUPT_MESSAGE, errorMessage: `No record has the format ${magic}` }
  }
  const end = at + PREFIX_BYTES + length
  return end > records.length ? null : records.subarray(at, end)
}

/** The record that the cursor is at: milliseconds since 1970. */
export function timestampOf(batch: RecordBatch, cursor: RecordCursor): number {
  return batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : batch.baseTimestamp + cursor.timestampDelta
}

/** What a batch is held against. */
export interface TopicRules {
  readonly config: Config
  readonly now: number
  /** `orders-3`, for messages. */
  readonly partition: string
}

/**
 * Checks a batch that a client sent (`oneBatch`), and answers the largest timestamp of its records, or the time of the append where that
 * is what counts. Compressed records are not inflated: what is wrong inside of them is not seen, and their header is believed.
 */
export function check(sent: RecordBatch, rules: TopicRules): number | Rejection {
  const { config, now } = rules
  if (sent.baseOffset !== 0) return invalid
  if (sent.buffer.length > config.number('max.message.bytes')) return { errorCode: errorCodes.MESSAGE_TOO_LARGE }
  if (!sent.crcValid) return { errorCode: errorCodes.CORRUPT_MESSAGE }
  const rejection = checkHeader(sent)
  if (rejection !== null) return rejection
  const largest = inspect(sent, rules)
  if (typeof largest !== 'number') return largest
  if (sent.buffer.length > config.number('segment.bytes')) return { errorCode: errorCodes.RECORD_LIST_TOO_LARGE }
  return isAppendTime(config) ? now : largest
}

/** What the leader writes into a batch. */
export interface Place {
  readonly baseOffset: number
  readonly leaderEpoch: number
  readonly largestTimestamp: number
  readonly timestampType: TimestampType
}

/** Makes bytes that were checked, and copied, the log's own. Where the producer's header says otherwise it is changed and sealed again. */
export function adopt(bytes: Buffer, sent: RecordBatch, place: Place): RecordBatch {
  bytes.writeBigInt64BE(BigInt(place.baseOffset), 0)
  bytes.writeInt32BE(place.leaderEpoch, 12)
  const { largestTimestamp: largest, timestampType } = place
  const changed = largest !== sent.maxTimestamp && Number.isSafeInteger(largest)
  if (changed || timestampType !== sent.timestampType) {
    bytes.writeInt16BE(sent.attributes ^ (timestampType === sent.timestampType ? 0 : LOG_APPEND_TIME), SEALED_FROM)
    if (changed) bytes.writeBigInt64BE(BigInt(largest), 35)
    bytes.writeUInt32BE(crc32c(bytes.subarray(SEALED_FROM)), 17)
  }
  return new RecordBatch(bytes)
}

const invalid: Rejection = { errorCode: errorCodes.INVALID_RECORD, tellsStart: true }

function isAppendTime(config: Config): boolean {
  return config.get('message.timestamp.type') === 'LogAppendTime'
}

/** Whether an idempotent or transactional producer wrote it. */
export function hasProducer(batch: RecordBatch): boolean {
  return batch.producerId >= 0
}

function checkHeader(batch: RecordBatch): Rejection | null {
  if (batch.count <= 0 || batch.lastOffset - batch.baseOffset + 1 !== batch.count) return invalid
  if (batch.isControl || (hasProducer(batch) && batch.baseSequence < 0)) return invalid
  const known = (batch.attributes & COMPRESSION_BITS) < COMPRESSIONS.length
  return known ? null : { errorCode: errorCodes.UNKNOWN_SERVER_ERROR, tellsStart: true }
}

/** Checks the records and answers their largest timestamp; of a compressed batch that is what its header tells. */
function inspect(batch: RecordBatch, { config, now, partition }: TopicRules): number | Rejection {
  const errors = new RecordErrors()
  const ours = isAppendTime(config)
  if (!ours) {
    errors.earliest = now - config.number('message.timestamp.before.max.ms')
    errors.latest = now + config.number('message.timestamp.after.max.ms')
  }
  const checkTime = (index: number, timestamp: number) => {
    if (!ours) errors.checkTime(index, timestamp)
    else if (batch.timestampType === 'LogAppendTime') {
      errors.add(index, 'A producer must not say LogAppendTime', 'INVALID_TIMESTAMP')
    }
  }
  if (batch.compression !== 'none') {
    checkTime(0, batch.maxTimestamp)
    return errors.rejection ?? batch.maxTimestamp
  }
  const keyed = config.get('cleanup.policy').includes('compact')
  const cursor = new RecordCursor(batch.buffer, HEADER_BYTES)
  let records = 0
  let largest = -1
  for (; records < batch.count && cursor.next(); records++) {
    const timestamp = timestampOf(batch, cursor)
    if (timestamp > largest) largest = timestamp
    if (keyed && cursor.keyLength < 0) {
      errors.add(records, `A compacted topic takes no record without a key, in ${partition}`, 'INVALID_RECORD')
    } else checkTime(records, timestamp)
  }
  if (records < batch.count || !cursor.atEnd) return invalid
  return errors.rejection ?? largest
}

/** What is wrong with the records of a batch: one that is refused refuses all. */
class RecordErrors {
  earliest = -Infinity
  latest = Infinity
  readonly #named: { readonly batchIndex: number; readonly batchIndexErrorMessage: string }[] = []
  #count = 0
  #code: 'INVALID_RECORD' | 'INVALID_TIMESTAMP' = 'INVALID_RECORD'

  add(batchIndex: number, batchIndexErrorMessage: string, code: 'INVALID_RECORD' | 'INVALID_TIMESTAMP'): void {
    this.#count++
    if (code === 'INVALID_TIMESTAMP') this.#code = code
    if (this.#named.length < maxRecordErrors) this.#named.push({ batchIndex, batchIndexErrorMessage })
  }

  checkTime(index: number, timestamp: number): void {
    if (timestamp === -1 || (timestamp >= this.earliest && timestamp <= this.latest)) return
    this.add(index, `The timestamp ${timestamp} is not within ${this.earliest} to ${this.latest}`, 'INVALID_TIMESTAMP')
  }

  get rejection(): Rejection | null {
    if (this.#count === 0) return null
    const errorMessage = `${this.#count} records were rejected, the first: ${this.#named[0]?.batchIndexErrorMessage}`
    return { errorCode: errorCodes[this.#code], errorMessage, recordErrors: this.#named, tellsStart: true }
  }
}
