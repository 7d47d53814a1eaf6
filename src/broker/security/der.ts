/** Distinguished encoding (X.690): as much of it as a certificate consists of. Each function answers a whole element. */

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.of(tag), length(content.length), content])
}

/** Below 128 the length itself, else how many bytes it has and then those, here at most two. */
function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes)
  return bytes < 0x100 ? Buffer.of(0x81, bytes) : Buffer.of(0x82, bytes >> 8, bytes & 0xff)
}

export function sequence(...elements: readonly Uint8Array[]): Buffer {
  return element(0x30, ...elements)
}

export function set(...elements: readonly Uint8Array[]): Buffer {
  return element(0x31, ...elements)
}

/** A whole number that is not negative, its most significant byte first. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex(byte => byte !== 0)
  const digits = first === -1 ? Buffer.of(0) : bytes.subarray(first)
  // With its highest bit set it would be negative.
  return (digits[0] ?? 0) < 0x80 ? element(0x02, digits) : element(0x02, Buffer.of(0), digits)
}

export function truth(): Buffer {
  return element(0x01, Buffer.of(0xff))
}

/** Such as `'2.5.4.3'`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** All bytes but the last one have their highest bit set. */
function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80)
  return bytes
}

export function utf8(text: string): Buffer {
  return element(0x0c, Buffer.from(text))
}

export function octets(...contents: readonly Uint8Array[]): Buffer {
  return element(0x04, ...contents)
}

/** Bits, of which the last `unused` of the last byte do not count. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return element(0x03, Buffer.of(unused), bytes)
}

/** In seconds; years until 2049 have two digits. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-T:]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050 ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits))
}

/** An element that its place tells apart: `[number]` of whole elements. */
export function tagged(number: number, ...elements: readonly Uint8Array[]): Buffer {
  return element(0xa0 + number, ...elements)
}

/** The same of plain bytes. */
export function taggedBytes(number: number, bytes: Uint8Array): Buffer {
  return element(0x80 + number, bytes)
}
