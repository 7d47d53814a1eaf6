import type { Int64 } from './int64.ts'
import { ProtocolError } from './protocol-error.ts'

/** What decoding a frame may take in memory, however small the frame. */
const budgetFloor = 64 * 1024 * 1024
/** What each byte of the frame adds to it. */
const budgetPerByte = 4

export interface ReaderOptions {
  /**
   * Fields typed `number` take any 64 bits: those beyond ±2^53 come as a bigint, instead of failing the frame. For tools that must
   * pass on every value unchanged, whatever it is. Default false.
   */
  anyInt64?: boolean
  /** Most elements that all arrays may have together. Default: as many as fit into memory and bytes. */
  elements?: number
}

/**
 * Reads the protocol's primitive types from a frame, front to back. Every read checks that the bytes are there. What the values
 * take in memory is charged to a budget before it is allocated, because a few bytes can stand for a lot: 20 MB of empty strings
 * would be an array of 160 MB.
 */
export class Reader {
  readonly buffer: Buffer
  position: number
  /** Where the frame, or the tagged field being read, ends. */
  end: number
  /** Bytes of memory that were charged so far. */
  charged = 0
  readonly #budget: number
  readonly #anyInt64: boolean
  #elements: number

  constructor(buffer: Buffer, position = 0, options: ReaderOptions = {}) {
    this.buffer = buffer
    this.position = position
    this.end = buffer.length
    this.#budget = budgetFloor + budgetPerByte * (buffer.length - position)
    this.#anyInt64 = options.anyInt64 ?? false
    this.#elements = options.elements ?? Number.POSITIVE_INFINITY
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Takes the next `size` bytes and answers where they begin. */
  take(size: number): number {
    const start = this.position
    const next = start + size
    if (next > this.end) throw this.#error(`${size} bytes needed, ${this.end - start} left`)
    this.position = next
    return start
  }

  /** Books memory that is about to be allocated, in bytes. */
  charge(bytes: number): void {
    this.charged += bytes
    if (this.charged > this.#budget)
      throw this.#error(`what ${this.buffer.length} bytes stand for would take too much memory`)
  }

  bool(): boolean {
    return this.buffer[this.take(1)] !== 0
  }

  int8(): number {
    return ((this.buffer[this.take(1)] as number) << 24) >> 24
  }

  int16(): number {
    return (this.uint16() << 16) >> 16
  }

  uint16(): number {
    const at = this.take(2)
    return ((this.buffer[at] as number) << 8) | (this.buffer[at + 1] as number)
  }

  int32(): number {
    const at = this.take(4)
    const buffer = this.buffer
    return (
      ((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number)
    )
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  /** 64 bits where values beyond ±2^53 are to be expected. */
  wideInt64(): Int64 {
    const high = this.int32()
    const low = this.int32() >>> 0
    if (high >= -0x20_0000 && high < 0x20_0000) return high * 0x1_0000_0000 + low
    return this.buffer.readBigInt64BE(this.position - 8)
  }

  int64(): number {
    const value = this.wideInt64()
    // Only with `anyInt64` a bigint leaves here, and who asks for that knows.
    if (typeof value === 'number' || this.#anyInt64) return value as number
    throw this.#error(`${value} is more than a number can hold`)
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8))
  }

  /** Up to 32 bits in at most 5 bytes of 7 bits, the lowest first. */
  uvarint(): number {
    let byte = this.buffer[this.take(1)] as number
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.buffer[this.take(1)] as number
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    byte = this.buffer[this.take(1)] as number
    if (byte > 0x0f) throw this.#error('a variable-length integer has more than 32 bits')
    return value + byte * 0x1000_0000
  }

  /** A length before a string, bytes or an array: -1 means null. */
  length(compact: boolean, short: boolean, nullable: boolean): number {
    const length = compact ? this.uvarint() - 1 : short ? this.int16() : this.int32()
    if (length < -1) throw this.#error(`a length of ${length}`)
    if (length === -1 && !nullable) throw this.#error('null where the protocol allows none')
    return length
  }

  /** Checks a count of elements that take at least `size` bytes each. */
  count(count: number, size: number): void {
    if (count * size > this.end - this.position) {
      throw this.#error(`an array of ${count} elements, ${this.end - this.position} bytes left`)
    }
    this.#elements -= count
    if (this.#elements < 0) throw this.#error('its arrays have more elements than are allowed')
  }

  utf8(size: number): string {
    const at = this.take(size)
    return this.buffer.toString('utf8', at, at + size)
  }

  /** A view into the frame. */
  bytes(size: number): Buffer {
    const at = this.take(size)
    return this.buffer.subarray(at, at + size)
  }

  uuid(): string {
    const at = this.take(16)
    return this.buffer.toString('base64url', at, at + 16)
  }

  #error(problem: string): ProtocolError {
    return new ProtocolError(`${problem}, at byte ${this.position} of ${this.buffer.length}`)
  }
}
