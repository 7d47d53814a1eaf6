import type { Int64 } from './int64.ts'

/** Bytes up to which a copy costs less than a piece of its own in a gathered write. */
const copyBytes = 2048

/** Writes the protocol's primitive types into a buffer that grows. Values are checked before they come here. */
export class Writer {
  #buffer: Buffer
  #position = 0
  /** Large bytes that are given out as they are: each with the place in the buffer that it goes before. */
  readonly #shared: { readonly at: number; readonly bytes: Uint8Array }[] = []
  #sharedBytes = 0
  /** Inside of something whose size is filled in later, all is copied: it may have to move. */
  #sized = 0

  constructor(size = 512) {
    this.#buffer = Buffer.allocUnsafe(size)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#position + this.#sharedBytes
  }

  /** What was written, in one piece: a view where nothing large was in it, valid until more is written. */
  finish(): Buffer {
    const parts = this.parts()
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  }

  /** What was written, as pieces to be sent one behind the other: large bytes are those that were given, not copies. */
  parts(): Uint8Array[] {
    const parts: Uint8Array[] = []
    let from = 0
    for (const { at, bytes } of this.#shared) {
      if (at > from) parts.push(this.#buffer.subarray(from, at))
      parts.push(bytes)
      from = at
    }
    if (this.#position > from || parts.length === 0) parts.push(this.#buffer.subarray(from, this.#position))
    return parts
  }

  #reserve(size: number): number {
    const start = this.#position
    const next = start + size
    if (next > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(next, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, start)
      this.#buffer = larger
    }
    this.#position = next
    return start
  }

  int8(value: number): void {
    const at = this.#reserve(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#buffer[at] = value >> 8
    this.#buffer[at + 1] = value
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#put32(at, value)
  }

  #put32(at: number, value: number): void {
    const buffer = this.#buffer
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
  }

  /** Any bigint of 64 bits, or a number that is a safe integer. */
  int64(value: Int64): void {
    const at = this.#reserve(8)
    if (typeof value === 'bigint') {
      this.#buffer.writeBigInt64BE(value, at)
      return
    }
    const high = Math.floor(value / 0x1_0000_0000)
    this.#put32(at, high)
    this.#put32(at + 4, value - high * 0x1_0000_0000)
  }

  float64(value: number): void {
    const at = this.#reserve(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  uvarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.int8((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.int8(rest)
  }

  /** A length before a string, bytes or an array: -1 means null. */
  length(length: number, compact: boolean, short: boolean): void {
    if (compact) this.uvarint(length + 1)
    else if (short) this.int16(length)
    else this.int32(length)
  }

  utf8(text: string, size: number): void {
    const at = this.#reserve(size)
    this.#buffer.write(text, at, size, 'utf8')
  }

  /** Large bytes are not copied: they must stay as they are until what was written is sent. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length > copyBytes && this.#sized === 0) {
      this.#shared.push({ at: this.#position, bytes })
      this.#sharedBytes += bytes.length
      return
    }
    const at = this.#reserve(bytes.length)
    this.#buffer.set(bytes, at)
  }

  /** Sixteen bytes as 22 letters of base64url, and whether they were that. */
  uuid(text: string): boolean {
    const at = this.#reserve(16)
    return text.length === 22 && this.#buffer.write(text, at, 16, 'base64url') === 16
  }

  /** Where a size of one byte was left out, to be filled in by `endSized`. */
  beginSized(): number {
    this.#sized++
    return this.#reserve(1)
  }

  /** Fills in the size of what was written since; moves it where the size takes more than a byte. */
  endSized(at: number): void {
    this.#sized--
    const size = this.#position - at - 1
    if (size < 0x80) {
      this.#buffer[at] = size
      return
    }
    let more = 0
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) more++
    this.#reserve(more)
    this.#buffer.copyWithin(at + 1 + more, at + 1, at + 1 + size)
    this.#position = at
    this.uvarint(size)
    this.#position += size
  }

  /** Overwrites four bytes that were written before anything large. */
  patchInt32(at: number, value: number): void {
    this.#put32(at, value)
  }
}
