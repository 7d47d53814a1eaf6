import { type Headers, readHeaders } from './headers.ts'
import { varintSize, writeVarint } from './varint.ts'

/** Strings are written as UTF-8. */
export type Bytes = Uint8Array | string | null

export type HeaderPairs = readonly (readonly [name: string, value: Bytes])[]

/** Headers as a record has them, ready to be written again and again. */
export class EncodedHeaders {
  /** How many they are. */
  readonly count: number
  /** All but the last value, or all. */
  readonly #bytes: Uint8Array
  /** A character for each byte, short. */
  readonly #last: string

  /** @internal `bytes`: of each what `encodeHeader` makes. `last`, of `encodeField`: comes behind them, where it alone is new in each record. */
  constructor(count: number, bytes: Uint8Array, last = '') {
    this.count = count
    this.#bytes = bytes
    this.#last = last
  }

  /** Bytes that they take in a record, their count not among them. */
  get length(): number {
    return this.#bytes.length + this.#last.length
  }

  /** @internal */
  writeTo(bytes: Buffer, at: number): void {
    bytes.set(this.#bytes, at)
    const last = this.#last
    const start = at + this.#bytes.length
    for (let index = 0; index < last.length; index++) bytes[start + index] = last.charCodeAt(index)
  }

  /** @internal */
  read(): Headers {
    const start = varintSize(this.count)
    const bytes = Buffer.allocUnsafe(start + this.length)
    this.writeTo(bytes, writeVarint(bytes, 0, this.count))
    return readHeaders(bytes, 0)
  }
}

/** All of these as a record has them, without their count. */
export function encodePairs(pairs: HeaderPairs): Buffer {
  return Buffer.from(pairs.map(([name, value]) => encodeHeader(name, value)).join(''), 'latin1')
}

/** One header as a record has it, a character for each byte. */
export function encodeHeader(name: string, value: Bytes): string {
  return encodeField(name) + encodeField(value)
}

/** A name or value behind its length, the same way. Half of a surrogate pair becomes U+FFFD. */
export function encodeField(value: Bytes): string {
  if (value === null) return NULL
  const text = typeof value === 'string' && isAscii(value) ? value : bytesOf(value).toString('latin1')
  return lengthText(text.length) + text
}

/** A length of -1. */
const NULL = '\x01'
/** Of lengths that are one byte. */
const LENGTHS = Array.from({ length: 64 }, (_, length) => String.fromCharCode(2 * length))

function lengthText(length: number): string {
  const known = LENGTHS[length]
  if (known !== undefined) return known
  const bytes = Buffer.allocUnsafe(varintSize(length))
  writeVarint(bytes, 0, length)
  return bytes.toString('latin1')
}

/** A view of them. */
export function bytesOf(value: Uint8Array | string): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length)
}

function isAscii(text: string): boolean {
  return utf8Length(text) === text.length
}

/** Strings up to this length are looked at letter by letter: most are ASCII, and a call of Node's costs more than that. */
export const SHORT_TEXT = 40

/** Bytes of a string as UTF-8. */
export function utf8Length(text: string): number {
  const { length } = text
  if (length > SHORT_TEXT) return Buffer.byteLength(text)
  for (let at = 0; at < length; at++) if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text)
  return length
}
