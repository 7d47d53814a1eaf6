import { isUtf8 } from 'node:buffer'
import { SerdeError } from './error.ts'
import type { Serde, SerdeInfo } from './serde.ts'

/** The bytes as they are; null stays null. */
export const bytes: Serde<Buffer | null, Uint8Array | null> = {
  deserialize: bytes => bytes,
  serialize: value => value,
}

/**
 * UTF-8 text; null stays null. Bytes that are no UTF-8, and strings with half of a surrogate pair, are refused: to replace them, as
 * Java's serializer does, would make different keys equal without a word.
 */
export const string: Serde<string | null> = {
  deserialize: (bytes, info) => (bytes === null ? null : decodeText(bytes, info)),
  serialize: (value, info) => {
    if (value === null) return null
    if (typeof value !== 'string') throw new SerdeError('ENCODE', `a string was expected, not ${typeof value}`, info)
    if (!value.isWellFormed()) throw new SerdeError('ENCODE', 'it holds half of a surrogate pair', info)
    return Buffer.from(value)
  },
}

/** A signed integer in 4 bytes, most significant first, as Java's IntegerSerializer writes it; null stays null. */
export const int32: Serde<number | null> = {
  deserialize: (bytes, info) => {
    if (bytes === null) return null
    if (bytes.length !== 4) throw new SerdeError('DECODE', `an int32 has 4 bytes, not ${bytes.length}`, info)
    return bytes.readInt32BE()
  },
  serialize: (value, info) => {
    if (value === null) return null
    if (value !== (value | 0)) throw new SerdeError('ENCODE', 'it is no integer from -2^31 to 2^31 - 1', info)
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeInt32BE(value)
    return bytes
  },
}

/** Text from UTF-8; anything else is a `SerdeError`. */
export function decodeText(bytes: Buffer, info: SerdeInfo): string {
  const text = bytes.toString()
  // What is no UTF-8 becomes U+FFFD, which is rare in sound text: only then the bytes are looked at once more.
  if (text.includes('\ufffd') && !isUtf8(bytes)) throw new SerdeError('DECODE', 'it is not UTF-8', info)
  return text
}
