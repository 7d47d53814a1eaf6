import { skipHeaders } from '../../records/headers.ts'
import { readVarint, readVarlong, varintEnd } from '../../records/varint.ts'

/**
 * Walks over the inflated records of a batch and tells where their parts are, without making anything of them
 * (https://kafka.apache.org/documentation/#record).
 */
export class RecordCursor {
  readonly bytes: Buffer
  /** Where the record begins, its length included, and where the next one does. */
  start = 0
  end: number
  timestampDelta = 0
  offsetDelta = 0
  keyStart = 0
  /** -1: no key. */
  keyLength = 0
  /** -1: no value. */
  valueLength = 0

  constructor(bytes: Buffer, from: number) {
    this.bytes = bytes
    this.end = from
  }

  /** Whether there is nothing behind the record. */
  get atEnd(): boolean {
    return this.end === this.bytes.length
  }

  get key(): Buffer {
    return this.bytes.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  /** Goes on to the next record; false at the end, and where the bytes are no record. */
  next(): boolean {
    const { bytes } = this
    const start = this.end
    if (start >= bytes.length) return false
    const length = readVarint(bytes, start)
    const end = varintEnd + length
    if (length <= 0 || end > bytes.length) return false
    // One byte of attributes, which no version of Kafka uses.
    this.timestampDelta = readVarlong(bytes, varintEnd + 1)
    this.offsetDelta = readVarint(bytes, varintEnd)
    this.keyLength = readVarint(bytes, varintEnd)
    this.keyStart = varintEnd
    if (this.keyLength < -1 || this.keyStart + this.keyLength > end) return false
    this.valueLength = readVarint(bytes, this.keyStart + Math.max(this.keyLength, 0))
    const valueStart = varintEnd
    if (this.valueLength < -1 || valueStart + this.valueLength > end) return false
    if (skipHeaders(bytes, valueStart + Math.max(this.valueLength, 0), end) !== end) return false
    this.start = start
    this.end = end
    return true
  }
}
