import type { Clock } from '../../src/base/clock.ts'
import type { FetchedPartition } from '../../src/client/low-level-client.ts'
import type { AbortedTransaction } from '../../src/records/aborted.ts'
import { writeBatch, writeEndMarker } from '../../src/records/batch-writer.ts'
import { crc32c } from '../../src/records/crc32c.ts'
import type { Message } from '../../src/records/message.ts'
import { type OpenBatch, openBatch } from '../../src/records/open-batch.ts'
import { HEADER_BYTES, PREFIX_BYTES, RecordBatch, SEALED_FROM } from '../../src/records/record-batch.ts'
import { readVarint, varintEnd } from '../../src/records/varint.ts'
import type { Dice } from './dice.ts'

/** A message that users must see. */
export interface LogMessage {
  readonly offset: number
  /** Null: without a key. */
  readonly key: string | null
  /** Place among the messages of its log. */
  readonly index: number
  readonly value: Buffer
  /** Ms since 1970. */
  readonly timestamp: number
  /** Of what a producer wrote; empty for others. */
  readonly headers: ReadonlyMap<string, string>
}

export interface LogShape {
  readonly keys: number
  /** How much of all that has a key goes to the first one. */
  readonly hotKey: number
  readonly withoutKey: number
  readonly compressed: number
  /** Of all records, how many compaction removed. */
  readonly compacted: number
  /** Of all batches, how many belong to aborted transactions. */
  readonly aborted: number
}

/** One partition as a broker stores it: record batches with all the kinds of holes that offsets have. */
export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly messages: LogMessage[] = []
  /** The first offset there ever was. */
  readonly start: number
  /** Offset of the next message that will be written. */
  end: number
  /** What the largest batch may be counted with before and after it is inflated. */
  largestBatch = 0
  readonly #dice: Dice
  readonly #shape: LogShape
  readonly #clock: Clock | null
  readonly #batches: RecordBatch[] = []
  readonly #aborted: AbortedTransaction[] = []

  /** `clock`: when messages were written; null: in 1970. */
  constructor(topic: string, partition: number, dice: Dice, shape: LogShape, clock: Clock | null = null) {
    this.topic = topic
    this.partition = partition
    this.#dice = dice
    this.#shape = shape
    this.#clock = clock
    this.start = this.end = dice.pick([0, 0, dice.int(1, 1_000)])
  }

  /** Appends batches of a few messages each. */
  append(batches: number): void {
    for (let count = 0; count < batches; count++) {
      // What a whole batch that was compacted away leaves behind.
      if (this.#dice.chance(this.#shape.compacted / 2)) this.end += this.#dice.int(1, 50)
      if (this.#dice.chance(this.#shape.aborted)) this.#appendAborted()
      else this.#appendBatch()
    }
  }

  /** Appends a batch that a producer sent; answers its messages. */
  write(records: Uint8Array): readonly LogMessage[] {
    const batch = Buffer.from(records)
    batch.writeBigInt64BE(BigInt(this.end))
    const { topic, partition, end } = this
    const place = { topic, partition, maxInflatedBytes: batch.length, highWatermark: end }
    const open = openBatch(new RecordBatch(batch), place) as OpenBatch
    const written: LogMessage[] = []
    for (let message = open.next(); message !== null; message = open.next()) {
      written.push(asWritten(message, this.messages.length + written.length))
    }
    this.messages.push(...written)
    this.largestBatch = Math.max(this.largestBatch, 6 * batch.length)
    this.#push(batch)
    return written
  }

  /** Place of the first message at or behind this offset. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.messages.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.messages[middle] as LogMessage).offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** What a broker answers that is asked for at most this many bytes; `first`: one batch comes however large it is. */
  read(position: number, maxBytes: number, first = false): FetchedPartition {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as RecordBatch).lastOffset < position) low = middle + 1
      else high = middle
    }
    const batches: RecordBatch[] = []
    let bytes = 0
    for (let at = low; at < this.#batches.length; at++) {
      const { buffer } = this.#batches[at] as RecordBatch
      if (bytes + buffer.length > maxBytes && !(first && batches.length === 0)) break
      batches.push(new RecordBatch(Buffer.from(buffer)))
      bytes += buffer.length
    }
    return {
      topic: this.topic,
      partition: this.partition,
      error: null,
      highWatermark: this.end,
      lastStableOffset: this.end,
      logStartOffset: 0,
      aborted: this.#aborted,
      batches,
      bytes,
      corrupt: null,
    }
  }

  #appendBatch(): void {
    const records = this.#records()
    const compression = this.#dice.chance(this.#shape.compressed) ? this.#dice.pick(['gzip', 'zstd'] as const) : 'none'
    const options = { baseOffset: this.end, now: 0 }
    const kept = records.map(() => !this.#dice.chance(this.#shape.compacted))
    let buffer = writeBatch(records, { ...options, compression })
    this.largestBatch = Math.max(this.largestBatch, 6 * writeBatch(records, options).length)
    if (compression === 'none') buffer = compact(buffer, kept)
    records.forEach((record, index) => {
      if (compression !== 'none' || kept[index]) {
        this.messages.push({ ...record, headers: NONE, offset: this.end + index, index: this.messages.length })
      }
    })
    this.#push(buffer)
  }

  #appendAborted(): void {
    const producerId = this.#dice.int(1, 1_000_000)
    const options = { producerId, producerEpoch: 0, now: 0 }
    this.#aborted.push({ producerId, firstOffset: this.end })
    this.#push(writeBatch(this.#records(), { ...options, baseOffset: this.end, transactional: true }))
    if (this.#dice.chance(0.5)) this.#appendBatch()
    this.#push(writeEndMarker({ ...options, type: 'abort', baseOffset: this.end }))
  }

  #records(): Pick<LogMessage, 'key' | 'value' | 'timestamp'>[] {
    const { keys, hotKey, withoutKey } = this.#shape
    const dice = this.#dice
    const now = this.#clock?.wallTime() ?? 0
    return Array.from({ length: dice.int(1, 12) }, () => {
      // An empty key is a key.
      const key = dice.chance(withoutKey) ? null : dice.chance(hotKey) ? '' : `key-${dice.int(1, keys)}`
      return { key, value: Buffer.alloc(dice.int(0, 60), dice.int(0, 255)), timestamp: now }
    })
  }

  #push(buffer: Buffer): void {
    const batch = new RecordBatch(buffer)
    this.#batches.push(batch)
    this.end = batch.lastOffset + 1
  }
}

/** At most; what it has beside its bytes included. */
export function bytesOf({ key, value, headers }: LogMessage): number {
  let bytes = 100 + (key?.length ?? 0) + value.length
  for (const [name, said] of headers) bytes += name.length + said.length + 4
  return bytes
}

/** Of its key and value alone. */
export function leastBytesOf({ key, value }: LogMessage): number {
  return (key?.length ?? 0) + value.length
}

const NONE: ReadonlyMap<string, string> = new Map()

function asWritten({ offset, rawKey, rawValue, timestamp, headers }: Message, index: number): LogMessage {
  const named = headers.raw.map(([name, value]) => [name, String(value)] as const)
  const value = Buffer.from(rawValue ?? [])
  return { offset, key: rawKey?.toString() ?? null, index, value, timestamp, headers: new Map(named) }
}

/** What compaction leaves of a batch: the records that are kept, between the same offsets. */
function compact(batch: Buffer, kept: readonly boolean[]): Buffer {
  if (!kept.includes(false)) return batch
  const parts: Buffer[] = [batch.subarray(0, HEADER_BYTES)]
  let at = HEADER_BYTES
  for (const keep of kept) {
    const length = readVarint(batch, at)
    const end = varintEnd + length
    if (keep) parts.push(batch.subarray(at, end))
    at = end
  }
  const compacted = Buffer.concat(parts)
  compacted.writeInt32BE(compacted.length - PREFIX_BYTES, 8)
  compacted.writeInt32BE(parts.length - 1, 57)
  compacted.writeUInt32BE(crc32c(compacted.subarray(SEALED_FROM)), 17)
  return compacted
}
