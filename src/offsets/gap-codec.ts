import { zeroUuid } from '../protocol/wire-type.ts'
import { crc32c } from '../records/crc32c.ts'

/** Offsets that are done, from `from` on and below `to`. What the log does not hold of them does not matter. */
export interface DoneRange {
  readonly from: number
  readonly to: number
}

/** What is done above a committed offset. */
export interface GapRecord {
  /** The committed offset that it is about: beside another one it means nothing. */
  readonly offset: number
  /** Of the topic, as brokers write it; null where they know of none. Metadata is copied from cluster to cluster, done work is not. */
  readonly topicId: string | null
  /**
   * The highest leader epoch of messages that were done; -1: not known. What a log holds under a later one was written after that, so it
   * is not done, whatever its offset (a log that was cut off and written anew, KIP-101).
   */
  readonly leaderEpoch: number
  /** Rising, none of them below `offset`, with something that is not done between two. */
  readonly done: readonly DoneRange[]
}

export interface EncodedGaps {
  readonly metadata: string
  /** How many of the ranges are in it, the lowest ones: the others did not fit. */
  readonly ranges: number
}

const PREFIX = 'millrace:1:'
const ID_BYTES = 16
const CHECKSUM_BYTES = 4
/** Seven bits each. */
const LONGEST_NUMBER = 8
/** Three bytes are four characters. */
const CHARACTERS_PER_BYTE = 4 / 3

/**
 * Writes what is done above a committed offset into its metadata: `millrace:1:` and, in base64url without padding,
 *
 * ```
 * topic id (16 bytes) · offset · leader epoch + 1 · { not done, done }… · CRC-32C of all before it (4 bytes, big-endian)
 * ```
 *
 * where each number is unsigned LEB128, and `{ not done, done }` are the lengths of two stretches of offsets, one behind the other from
 * the committed offset on. No range: no metadata. `limit`: characters, as brokers count them (`offset.metadata.max.bytes`).
 */
export function encodeGaps(record: GapRecord, limit: number): EncodedGaps {
  const most = Math.floor((limit - PREFIX.length) / CHARACTERS_PER_BYTE) - CHECKSUM_BYTES
  if (limit < LEAST_CHARACTERS || record.done.length === 0) return { metadata: '', ranges: 0 }
  // One range may be written beyond what there is room for before that is seen.
  const bytes = Buffer.allocUnsafe(most + 2 * LONGEST_NUMBER)
  writeId(bytes, record.topicId ?? zeroUuid)
  let at = writeNumber(bytes, ID_BYTES, record.offset)
  at = writeNumber(bytes, at, record.leaderEpoch + 1)
  let behind = record.offset
  let ranges = 0
  for (const { from, to } of record.done) {
    const end = writeNumber(bytes, writeNumber(bytes, at, from - behind), to - from)
    if (end > most) break
    at = end
    behind = to
    ranges++
  }
  if (ranges === 0) return { metadata: '', ranges }
  at = bytes.writeUInt32BE(crc32c(bytes.subarray(0, at)), at)
  return { metadata: PREFIX + bytes.toString('base64url', 0, at), ranges }
}

/** Characters that so many numbers of so many bytes each take at most, with all that is around them. */
export function charactersOf(numbers: number, bytesEach: number): number {
  const bytes = ID_BYTES + 2 * LONGEST_NUMBER + numbers * bytesEach + CHECKSUM_BYTES
  return PREFIX.length + Math.ceil(bytes * CHARACTERS_PER_BYTE)
}

/** Fewer characters hold nothing of use. */
export const LEAST_CHARACTERS = charactersOf(2, LONGEST_NUMBER)

/** Bytes of a number. */
export function numberBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest /= 128) bytes++
  return bytes
}

/** What metadata says; null when it is another's, damaged, or of a version that is not known here. Never throws. */
export function decodeGaps(metadata: string): GapRecord | null {
  if (!metadata.startsWith(PREFIX)) return null
  const bytes = Buffer.from(metadata.slice(PREFIX.length), 'base64url')
  const end = bytes.length - CHECKSUM_BYTES
  if (end < ID_BYTES || crc32c(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return null
  const reader = new NumberReader(bytes, ID_BYTES, end)
  const offset = reader.next()
  const leaderEpoch = reader.next() - 1
  const done: DoneRange[] = []
  let behind = offset
  while (reader.more) {
    const from = behind + reader.next()
    const to = from + reader.next()
    // Nothing done is no range, and two that touch are one.
    if (!(to > from && (from > behind || done.length === 0))) return null
    done.push({ from, to })
    behind = to
  }
  if (reader.failed || !Number.isSafeInteger(behind) || leaderEpoch > 2 ** 31 - 1) return null
  return { offset, topicId: readId(bytes), leaderEpoch, done }
}

function writeId(bytes: Buffer, topicId: string): void {
  bytes.fill(0, 0, ID_BYTES)
  bytes.write(topicId, 0, ID_BYTES, 'base64url')
}

function readId(bytes: Buffer): string | null {
  const id = bytes.toString('base64url', 0, ID_BYTES)
  return id === zeroUuid ? null : id
}

function writeNumber(bytes: Buffer, at: number, value: number): number {
  let end = at
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) + 128
  bytes[end++] = rest
  return end
}

class NumberReader {
  failed = false
  readonly #bytes: Buffer
  #at: number
  readonly #end: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  get more(): boolean {
    return !this.failed && this.#at < this.#end
  }

  /** A number up to 2^53 − 1; 0 once something was wrong. */
  next(): number {
    let value = 0
    for (let scale = 1; this.#at < this.#end && scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.#at++] as number
      value += (byte % 128) * scale
      if (byte < 128) {
        this.failed ||= value > Number.MAX_SAFE_INTEGER
        return this.failed ? 0 : value
      }
    }
    this.failed = true
    return 0
  }
}
