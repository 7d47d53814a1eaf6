import { createRequire } from 'node:module'

/** CRC-32C (Castagnoli), as Kafka seals record batches with. `initial` continues from the checksum of what came before. */
type Crc32c = (bytes: Uint8Array, initial?: number) => number

/** Sixteen tables of 256: what a byte does to the checksum when 0 … 15 further bytes follow it in the same step. */
const tables = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0)
    made[byte] = crc
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] as number
    made[at] = (before >>> 8) ^ (made[before & 255] as number)
  }
  return made
}

/** CRC-32C in plain JavaScript, 16 bytes a step: about 1 GB/s. */
export function softwareCrc32c(bytes: Uint8Array, initial = 0): number {
  const t = tables
  let crc = ~initial
  let at = 0
  if (bytes.length >= 64) {
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (const last = bytes.length - 16; at <= last; at += 16) {
      const a = words.getInt32(at, true) ^ crc
      const b = words.getInt32(at + 4, true)
      const c = words.getInt32(at + 8, true)
      const d = words.getInt32(at + 12, true)
      crc =
        (t[3840 | (a & 255)] as number) ^
        (t[3584 | ((a >>> 8) & 255)] as number) ^
        (t[3328 | ((a >>> 16) & 255)] as number) ^
        (t[3072 | (a >>> 24)] as number) ^
        (t[2816 | (b & 255)] as number) ^
        (t[2560 | ((b >>> 8) & 255)] as number) ^
        (t[2304 | ((b >>> 16) & 255)] as number) ^
        (t[2048 | (b >>> 24)] as number) ^
        (t[1792 | (c & 255)] as number) ^
        (t[1536 | ((c >>> 8) & 255)] as number) ^
        (t[1280 | ((c >>> 16) & 255)] as number) ^
        (t[1024 | (c >>> 24)] as number) ^
        (t[768 | (d & 255)] as number) ^
        (t[512 | ((d >>> 8) & 255)] as number) ^
        (t[256 | ((d >>> 16) & 255)] as number) ^
        (t[d >>> 24] as number)
    }
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 255] as number)
  return ~crc >>> 0
}

/** The processor's own instruction through `@node-rs/crc32`, an optional dependency: absent where it has no build. */
function loadNative(): Crc32c | null {
  try {
    return (createRequire(import.meta.url)('@node-rs/crc32') as { crc32c: Crc32c }).crc32c
  } catch {
    return null
  }
}

const native = loadNative()

/** Which of the two is in use. */
export const crc32cImplementation: 'native' | 'javascript' = native === null ? 'javascript' : 'native'

export const crc32c: Crc32c = native ?? softwareCrc32c
