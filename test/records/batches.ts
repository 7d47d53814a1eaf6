import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { crc32c } from '../../src/records/crc32c.ts'
import type { Message } from '../../src/records/message.ts'
import { type OpenBatch, type OpenOptions, openBatch } from '../../src/records/open-batch.ts'
import type { RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'

export const place = { topic: 'orders', partition: 3 }
export const options: OpenOptions = { ...place, maxInflatedBytes: 1 << 20, highWatermark: 1_000 }

/** The one batch that these bytes are. */
export function batchOf(bytes: Buffer): RecordBatch {
  const { batches, corrupt } = splitBatches(bytes, 0, bytes.length, place)
  if (corrupt !== null) throw corrupt
  const [batch] = batches
  if (batch === undefined || batches.length !== 1) throw new Error(`${batches.length} batches`)
  return batch
}

/** Opens a batch that is small enough to be opened at once. */
export function openNow(bytes: Buffer, given: Partial<OpenOptions> = {}): OpenBatch {
  const open = openBatch(batchOf(bytes), { ...options, ...given })
  if (open instanceof Promise) throw new Error('Opened beside the event loop')
  return open
}

export function messagesOf(open: OpenBatch): Message[] {
  const messages: Message[] = []
  for (let message = open.next(); message !== null; message = open.next()) messages.push(message)
  return messages
}

export function first(open: OpenBatch): Message {
  const message = open.next()
  if (message === null) throw new Error('No message')
  return message
}

/** Makes length and checksum right again, in any format, so that what was changed inside is what is tested. */
export function seal(bytes: Buffer): Buffer {
  bytes.writeInt32BE(bytes.length - 12, 8)
  if ((bytes[16] as number) < 2) bytes.writeUInt32BE(crc32(bytes.subarray(16)), 12)
  else bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

/** Whether there is as much of a batch as `seal` writes to. */
export function sealable(bytes: Buffer): boolean {
  return bytes.length >= ((bytes[16] ?? 0) < 2 ? 26 : 61)
}

/** Writes to a copy of a batch, and seals it. */
export function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return seal(copy)
}

/**
 * Batches recorded between Kafka 4.1.1 and its Java client, librdkafka 2.12.0, kafkajs 2.2.4 and platformatic-kafka 2.12.1, by writer and
 * compression; `broker-…` are markers as a broker writes them.
 */
export const recorded: ReadonlyMap<string, Buffer> = new Map(
  readFileSync(new URL('recorded-batches.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(' ') as [string, string])
    .map(([name, hex]) => [name, Buffer.from(hex, 'hex')]),
)

export function recordedBatch(name: string): Buffer {
  const bytes = recorded.get(name)
  if (bytes === undefined) throw new Error(`No recorded batch ${name}`)
  return bytes
}

/** A batch around records that are written by hand. */
export function batchAround(
  records: Buffer,
  header: { count: number; lastOffsetDelta?: number; attributes?: number },
): Buffer {
  const bytes = Buffer.alloc(61 + records.length)
  bytes.writeBigInt64BE(100n, 0)
  bytes.writeInt32BE(7, 12)
  bytes.writeInt8(2, 16)
  bytes.writeInt16BE(header.attributes ?? 0, 21)
  bytes.writeInt32BE(header.lastOffsetDelta ?? header.count - 1, 23)
  bytes.writeBigInt64BE(1_700_000_000_000n, 27)
  bytes.writeBigInt64BE(1_700_000_009_000n, 35)
  bytes.writeBigInt64BE(-1n, 43)
  bytes.writeInt16BE(-1, 51)
  bytes.writeInt32BE(-1, 53)
  bytes.writeInt32BE(header.count, 57)
  records.copy(bytes, 61)
  return seal(bytes)
}
