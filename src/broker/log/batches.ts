import type { RecordBatch } from '../../records/record-batch.ts'
import { Pieces } from './slabs.ts'

/** Batches cut out of a log, in pieces that are sent one behind the other. */
export interface Slice {
  /** Whole batches, the last one cut off where the limit came in between. */
  readonly pieces: readonly Buffer[]
  readonly bytes: number
  /** Behind the last batch that a piece is of. */
  readonly end: number
}

/** What a batch takes in memory besides its bytes. */
export const batchCost = 500
const none: readonly Buffer[] = []

/** Record batches in the order of their offsets, which may have gaps. They are found by offset and counted by bytes. */
export class Batches {
  /** Those before `#first` are let go of. */
  #batches: (RecordBatch | undefined)[] = []
  /** For each batch the bytes up to its end, counted from the first there ever was. */
  #ends: number[] = []
  /** Place of the first that was not dropped. */
  #first = 0
  #droppedBytes = 0

  get count(): number {
    return this.#batches.length - this.#first
  }

  /** Bytes of all batches. */
  get bytes(): number {
    return (this.#ends.at(-1) ?? this.#droppedBytes) - this.#droppedBytes
  }

  /** About what they take in memory. */
  get memory(): number {
    return this.bytes + this.count * batchCost
  }

  get oldest(): RecordBatch | undefined {
    return this.#batches[this.#first]
  }

  *[Symbol.iterator](): Generator<RecordBatch> {
    for (let at = this.#first; at < this.#batches.length; at++) yield this.#batches[at] as RecordBatch
  }

  /** The first one like this of those that reach to this offset or beyond. */
  find(offset: number, is: (batch: RecordBatch) => boolean): RecordBatch | undefined {
    for (let at = this.#placeOf(offset); at < this.#batches.length; at++) {
      const batch = this.#batches[at] as RecordBatch
      if (is(batch)) return batch
    }
    return undefined
  }

  push(batch: RecordBatch): void {
    this.#batches.push(batch)
    this.#ends.push((this.#ends.at(-1) ?? this.#droppedBytes) + batch.buffer.length)
  }

  dropOldest(): void {
    this.#droppedBytes = this.#ends[this.#first] as number
    this.#batches[this.#first] = undefined
    this.#first++
    if (this.#first * 2 < this.#batches.length) return
    this.#batches = this.#batches.slice(this.#first)
    this.#ends = this.#ends.slice(this.#first)
    this.#first = 0
  }

  /** Puts others in the place of all. */
  replace(batches: readonly RecordBatch[]): void {
    this.#batches = []
    this.#ends = []
    this.#first = 0
    for (const batch of batches) this.push(batch)
  }

  /** Bytes from the batch with this offset on, up to the batch that begins at `end`. */
  bytesBetween(offset: number, end: number): number {
    const from = this.#placeOf(offset)
    const to = this.#placeOf(end)
    return from < to ? this.#endBefore(to) - this.#endBefore(from) : 0
  }

  /**
   * From the batch with this offset on (or the next one behind a gap) `maxBytes` at most, none from `end` on. With `atLeastOne` the first
   * batch comes whole, however large; without it, a first one that does not fit is left out.
   */
  slice(offset: number, end: number, maxBytes: number, atLeastOne: boolean): Slice {
    let at = this.#placeOf(offset)
    const first = this.#batches[at]
    // The end may be inside of a batch only where the log begins inside of it, in front of an open transaction.
    if (first === undefined || first.baseOffset >= end || offset >= end) return { pieces: none, bytes: 0, end: offset }
    const limit = atLeastOne ? Math.max(maxBytes, first.buffer.length) : maxBytes
    if (limit < first.buffer.length) return { pieces: none, bytes: 0, end: offset }
    const pieces = new Pieces()
    let last = first
    for (; at < this.#batches.length && pieces.bytes < limit; at++) {
      const batch = this.#batches[at] as RecordBatch
      if (batch.baseOffset >= end) break
      pieces.add(batch.buffer, Math.min(batch.buffer.length, limit - pieces.bytes))
      last = batch
    }
    return { pieces: pieces.finish(), bytes: pieces.bytes, end: last.lastOffset + 1 }
  }

  #endBefore(place: number): number {
    return place === this.#first ? this.#droppedBytes : (this.#ends[place - 1] as number)
  }

  /** Place of the first batch that reaches to this offset or beyond. */
  #placeOf(offset: number): number {
    let low = this.#first
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as RecordBatch).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
