import { zeroUuid } from '../protocol/wire-type.ts'
import { crc32c } from '../records/crc32c.ts'

/** Offsets that are done, from `from` on and below `to`. What the log does not hold of them does not matter. */
export interface DoneRange {
  readonly from: number
  readonly to: number
}

/** Messages that have been tried so often, and are not done. */
export interface TriedRange extends DoneRange {
  /** 1 or more. */
  readonly attempts: number
}

/** What is done above a committed offset, and how often was tried what is not. */
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
  /** Rising, none of them below `offset`. */
  readonly tried: readonly TriedRange[]
}

export interface EncodedGaps {
  readonly metadata: string
  /** How many of the done ranges are in it, the lowest ones: the others did not fit. */
  readonly ranges: number
}

const PREFIX = 'millrace:1:'
const ID_BYTES = 16
const CHECKSUM_BYTES = 4
/** Seven bits each. */
const LONGEST_NUMBER = 8
/** Of a stretch that was tried: how many were not, how many were, how often. */
const TRIED_NUMBERS = 3
/** Of epochs and attempts. */
const MOST = 2 ** 31 - 1
/** Three bytes are four characters. */
const CHARACTERS_PER_BYTE = 4 / 3

/**
 * Writes what is done above a committed offset, and how often the rest was tried, into its metadata: `millrace:1:` and, in base64url
 * without padding,
 *
 * ```
 * topic id (16 bytes) · offset · leader epoch + 1 · { not done, done }…  · CRC-32C of all before it (4 bytes, big-endian)
 *                                                   └ and, if any was tried: · 0 · 0 · { not tried, tried, attempts }…
 * ```
 *
 * where each number is unsigned LEB128, and the braces hold the lengths of stretches of offsets, one behind the other from the committed
 * offset on. Neither done nor tried: no metadata. `limit`: characters, as brokers count them (`offset.metadata.max.bytes`). What does not
 * fit is left out, the highest first; the tried ones have a place that the done ones leave them (`gapBytes`), and what those do not need.
 */
export function encodeGaps(record: GapRecord, limit: number): EncodedGaps {
  const nothing = { metadata: '', ranges: 0 }
  if (limit < LEAST_CHARACTERS || (record.done.length === 0 && record.tried.length === 0)) return nothing
  const most = bytesOf(limit) - CHECKSUM_BYTES
  // One entry may be written beyond what there is room for before that is seen.
  const bytes = Buffer.allocUnsafe(most + TRIED_NUMBERS * LONGEST_NUMBER)
  writeId(bytes, record.topicId ?? zeroUuid)
  const begin = writeNumber(bytes, writeNumber(bytes, ID_BYTES, record.offset), record.leaderEpoch + 1)
  const tried = encodeTried(record, limit, most - begin)
  let at = begin
  let behind = record.offset
  let ranges = 0
  for (const { from, to } of record.done) {
    const end = writeNumber(bytes, writeNumber(bytes, at, from - behind), to - from)
    if (end > most - tried.length) break
    at = end
    behind = to
    ranges++
  }
  at += tried.copy(bytes, at)
  if (at === begin) return nothing
  at = bytes.writeUInt32BE(crc32c(bytes.subarray(0, at)), at)
  return { metadata: PREFIX + bytes.toString('base64url', 0, at), ranges }
}

/** What was tried, in the place of its own and in what the done ones leave of this room, bytes. */
function encodeTried({ offset, done, tried }: GapRecord, limit: number, room: number): Buffer {
  if (tried.length === 0) return Buffer.alloc(0)
  const most = Math.max(triedBytes(limit), room - gapSize(offset, done))
  const bytes = Buffer.alloc(most + TRIED_NUMBERS * LONGEST_NUMBER)
  // Nothing not done, nothing done: no stretches of either are written so.
  const begin = 2
  let at = begin
  let behind = offset
  for (const { from, to, attempts } of tried) {
    const end = writeNumber(bytes, writeNumber(bytes, writeNumber(bytes, at, from - behind), to - from), attempts)
    if (end > most) break
    at = end
    behind = to
  }
  return bytes.subarray(0, at === begin ? 0 : at)
}

/** Bytes that so many characters hold behind the prefix. */
function bytesOf(limit: number): number {
  return Math.floor((limit - PREFIX.length) / CHARACTERS_PER_BYTE)
}

/** How many bytes of so many characters are for what was tried in any case: some ten stretches, where that is not much of the whole. */
function triedBytes(limit: number): number {
  return Math.min(64, Math.floor(bytesOf(limit) / 8))
}

/** How many bytes of so many characters there are for what is done. */
export function gapBytes(limit: number): number {
  return Math.max(0, bytesOf(limit) - ID_BYTES - 2 * LONGEST_NUMBER - CHECKSUM_BYTES - triedBytes(limit))
}

/** Bytes that a message adds at most when it is done, or when it comes: a number more, and another that is as long as can be. */
export const MOST_ADDED = 1 + LONGEST_NUMBER

/** How many bytes these ranges take. */
export function gapSize(offset: number, done: readonly DoneRange[]): number {
  let bytes = 0
  let behind = offset
  for (const { from, to } of done) {
    bytes += numberBytes(from - behind) + numberBytes(to - from)
    behind = to
  }
  return bytes
}

/** Fewer characters hold nothing of use. */
export const LEAST_CHARACTERS = 100

/** Bytes of a number. */
function numberBytes(value: number): number {
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
  const done = readDone(reader, offset)
  const tried = readTried(reader, offset)
  if (done === null || tried === null || reader.failed || leaderEpoch > MOST) return null
  return { offset, topicId: readId(bytes), leaderEpoch, done, tried }
}

/** Up to the end, or to where what was tried begins; null when it is not sound. */
function readDone(reader: NumberReader, offset: number): DoneRange[] | null {
  const done: DoneRange[] = []
  for (let behind = offset; reader.more; ) {
    const open = reader.next()
    const length = reader.next()
    if (open === 0 && length === 0) return reader.more ? done : null
    const range = { from: behind + open, to: behind + open + length }
    // Nothing done is no range, and two that touch are one.
    if (length === 0 || (open === 0 && done.length > 0) || !Number.isSafeInteger(range.to)) return null
    done.push(range)
    behind = range.to
  }
  return done
}

function readTried(reader: NumberReader, offset: number): TriedRange[] | null {
  const tried: TriedRange[] = []
  for (let behind = offset; reader.more; ) {
    const from = behind + reader.next()
    const to = from + reader.next()
    const attempts = reader.next()
    if (to === from || attempts === 0 || attempts > MOST || !Number.isSafeInteger(to)) return null
    tried.push({ from, to, attempts })
    behind = to
  }
  return tried
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
