import { optionalPackage } from '../../base/optional-package.ts'
import { type Codec, OutputTooLarge } from './codec.ts'

interface Snappy {
  uncompressSync(input: Uint8Array, options: object): Buffer
  uncompress(input: Uint8Array, options: object): Promise<Buffer>
  compressSync(input: Uint8Array, options: object): Buffer
}

const library = optionalPackage<Snappy>('snappy')
/** Memory of the library's own, handed over without a copy, costs several times as much. */
const copied = { copyOutputData: true }

/** What xerial's stream begins with (https://github.com/xerial/snappy-java): magic, version, and the oldest version that can read it. */
const XERIAL_HEADER = Buffer.from('82534e41505059000000000100000001', 'hex')
const MAGIC_BYTES = 8
const LENGTH_BYTES = 4
/** Of what goes into one of its blocks; the Java client has the same. */
const BLOCK_BYTES = 32 * 1024
/** An element of three bytes makes at most 64. */
const MAX_RATIO = 22
/** The length that a raw block begins with: seven bits a byte, the lowest first. */
const MAX_VARINT_BYTES = 5

/**
 * Snappy as Kafka has it: a stream of blocks in xerial's frame, as the Java client writes it, or one raw block, as librdkafka does
 * (https://github.com/google/snappy/blob/main/format_description.txt).
 */
export const snappy: Codec = {
  levels: null,
  load: () => void library(),
  syncBytes: 4 << 20,
  expectedBytes: plainBytes,
  inflateSync: (input, maxBytes) => library().uncompressSync(oneBlock(input, maxBytes), copied),
  inflate: async (input, maxBytes) => library().uncompress(oneBlock(input, maxBytes), copied),
  deflate: framed,
}

interface Block {
  /** What it claims to inflate to. */
  readonly plainBytes: number
  /** Where its elements are, which follow that. */
  readonly start: number
  readonly end: number
}

function plainBytes(input: Uint8Array): number {
  let sum = 0
  for (const block of blocksOf(input)) sum += block.plainBytes
  return sum
}

/**
 * All blocks as one, inflated in one go: elements copy from what is before them in their block, so those of all blocks may stand one
 * after another behind their common length. The library makes as many bytes as that says, or fails.
 */
function oneBlock(input: Uint8Array, maxBytes: number): Uint8Array {
  const total = plainBytes(input)
  if (total > maxBytes) throw new OutputTooLarge()
  if (total > input.length * MAX_RATIO) throw new Error(`${input.length} bytes claim to inflate to ${total}`)
  if (!isFramed(input, 0)) return input
  const joined = new Uint8Array(MAX_VARINT_BYTES + input.length)
  let at = 0
  for (let left = total; ; left = Math.floor(left / 128)) {
    joined[at++] = left < 128 ? left : (left % 128) + 128
    if (left < 128) break
  }
  for (const { start, end } of blocksOf(input)) {
    joined.set(input.subarray(start, end), at)
    at += end - start
  }
  return joined.subarray(0, at)
}

/** One at a time: a sender decides how many there are. */
function* blocksOf(input: Uint8Array): Generator<Block> {
  if (!isFramed(input, 0)) return yield block(input, 0, input.length)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  for (let at = 0; at < input.length; ) {
    // Streams may stand one after another.
    if (isFramed(input, at)) at += XERIAL_HEADER.length
    if (at === input.length) break
    const start = at + LENGTH_BYTES
    const length = start <= input.length ? view.getInt32(at) : -1
    at = start + length
    if (length < 0 || at > input.length) throw new Error(`A block claims ${length} bytes`)
    yield block(input, start, at)
  }
}

function isFramed(input: Uint8Array, at: number): boolean {
  if (at + XERIAL_HEADER.length > input.length) return false
  for (let index = 0; index < MAGIC_BYTES; index++) if (input[at + index] !== XERIAL_HEADER[index]) return false
  return true
}

function block(input: Uint8Array, from: number, end: number): Block {
  let plainBytes = 0
  for (let at = from; at < Math.min(end, from + MAX_VARINT_BYTES); at++) {
    const byte = input[at] as number
    plainBytes += (byte & 127) * 128 ** (at - from)
    if (byte < 128) return { plainBytes, start: at + 1, end }
  }
  throw new Error('A block does not say how much it inflates to')
}

function framed(input: Uint8Array): Buffer {
  const parts: Buffer[] = [XERIAL_HEADER]
  for (let at = 0; at < input.length; at += BLOCK_BYTES) {
    const block = library().compressSync(input.subarray(at, at + BLOCK_BYTES), copied)
    const length = Buffer.allocUnsafe(LENGTH_BYTES)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}
