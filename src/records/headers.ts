import { NOWHERE, readVarint, varintEnd } from './varint.ts'

/**
 * The headers of one message, in the order written. Kafka allows a name more than once, and null values. Values are views into the
 * record batch.
 */
export class Headers {
  /** Every header as it came. */
  readonly raw: readonly (readonly [name: string, value: Buffer | null])[]

  constructor(raw: readonly (readonly [name: string, value: Buffer | null])[]) {
    this.raw = raw
  }

  /** The last value of that name, as Kafka's own client has it; undefined when there is none. */
  get(name: string): Buffer | null | undefined {
    return this.raw.findLast(header => header[0] === name)?.[1]
  }

  /** All values of that name, in the order written. */
  getAll(name: string): (Buffer | null)[] {
    return this.raw.filter(header => header[0] === name).map(header => header[1])
  }
}

export const NO_HEADERS = new Headers([])

/** Reads headers that `skipHeaders` has checked; `at` is the place of their count. */
export function readHeaders(bytes: Buffer, at: number): Headers {
  const count = readVarint(bytes, at)
  if (count === 0) return NO_HEADERS
  const raw: [string, Buffer | null][] = []
  for (let next = varintEnd; raw.length < count; ) {
    const nameLength = readVarint(bytes, next)
    const nameEnd = varintEnd + nameLength
    const name = bytes.toString('utf8', varintEnd, nameEnd)
    const length = readVarint(bytes, nameEnd)
    next = varintEnd + Math.max(length, 0)
    raw.push([name, length < 0 ? null : bytes.subarray(varintEnd, next)])
  }
  return new Headers(raw)
}

/** The place behind the headers whose count is at `at`; `NOWHERE` when they would reach beyond `end`. */
export function skipHeaders(bytes: Uint8Array, at: number, end: number): number {
  const count = readVarint(bytes, at)
  let next = varintEnd
  if (count < 0) return NOWHERE
  // A header has at least two bytes: a false count soon ends beyond the record.
  for (let i = 0; i < count; i++) {
    const nameLength = readVarint(bytes, next)
    next = varintEnd + nameLength
    if (nameLength < 0 || next > end) return NOWHERE
    const length = readVarint(bytes, next)
    next = varintEnd + Math.max(length, 0)
    if (next > end) return NOWHERE
  }
  return next
}
