/**
 * Zigzag variable-length integers as record batches hold them (https://kafka.apache.org/protocol#protocol_types: VARINT, VARLONG).
 *
 * A read answers the value and leaves the place behind it in `varintEnd`: two results without an allocation. A varint that does
 * not end in 5 (varlong: 10) bytes ends `NOWHERE`. Readers compare the place they arrive at with the place they should: that one
 * comparison finds every wrong length, also those of bytes beyond the end of the buffer, which read as zero.
 */
export let varintEnd = 0

/** Behind any buffer, and still a small integer to V8. */
export const NOWHERE = 0x7fff_ffff

export function readVarint(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 128) {
    varintEnd = at + 1
    return (first >>> 1) ^ -(first & 1)
  }
  const second = bytes[at + 1] as number
  if (second < 128) {
    varintEnd = at + 2
    return (((first & 127) | (second << 7)) >>> 1) ^ -(first & 1)
  }
  return readLongVarint(bytes, at + 2, (first & 127) | ((second & 127) << 7))
}

function readLongVarint(bytes: Uint8Array, from: number, low: number): number {
  let at = from
  let value = low
  let byte = 128
  for (let shift = 14; byte >= 128; shift += 7) {
    if (shift > 28) {
      varintEnd = NOWHERE
      return 0
    }
    byte = bytes[at++] as number
    value |= (byte & 127) << shift
  }
  varintEnd = at
  return (value >>> 1) ^ -(value & 1)
}

/** Exact to 2^53, nearest beyond. */
export function readVarlong(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 128) {
    varintEnd = at + 1
    return (first >>> 1) ^ -(first & 1)
  }
  return readLongVarlong(bytes, at + 1, first & 127)
}

function readLongVarlong(bytes: Uint8Array, from: number, low: number): number {
  let at = from
  const negative = (low & 1) === 1
  // Halved from the start (the lowest bit is the sign), so that a magnitude of 53 bits stays exact.
  let half = low >>> 1
  let scale = 64
  let byte = 128
  for (let count = 1; byte >= 128; count++) {
    if (count === 10) {
      varintEnd = NOWHERE
      return 0
    }
    byte = bytes[at++] as number
    half += (byte & 127) * scale
    scale *= 128
  }
  varintEnd = at
  return negative ? -half - 1 : half
}

/** Bytes that `writeVarint` needs for `value`, a 32-bit integer. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5
}

/** Writes a 32-bit integer; answers the place behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let end = at
  for (; rest >= 0x80; rest >>>= 7) bytes[end++] = (rest & 127) | 128
  bytes[end++] = rest
  return end
}

/** Bytes that `writeVarlong` needs for `value`, an integer exact in a double. */
export function varlongSize(value: number): number {
  let rest = value < 0 ? -value - 1 : value
  let size = 1
  for (rest = Math.floor(rest / 64); rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes an integer that is exact in a double; answers the place behind it. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  const magnitude = value < 0 ? -value - 1 : value
  let end = at
  let byte = ((magnitude % 64) << 1) | (value < 0 ? 1 : 0)
  for (let rest = Math.floor(magnitude / 64); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[end++] = byte | 128
    byte = rest % 128
  }
  bytes[end++] = byte
  return end
}
