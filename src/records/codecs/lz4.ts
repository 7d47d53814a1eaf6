import { optionalPackage } from '../../base/optional-package.ts'
import { type Codec, OutputTooLarge } from './codec.ts'

/** Blocks, each behind the number of bytes it inflates to, or more: four bytes, the lowest first. */
interface Lz4 {
  uncompressSync(input: Uint8Array): Buffer
  uncompress(input: Uint8Array): Promise<Buffer>
  compressSync(input: Uint8Array): Buffer
}

const library = optionalPackage<Lz4>('lz4-napi')

const MAGIC = 0x184d_2204
/** Frames that are to be passed over have one of sixteen magic numbers from here on. */
const SKIPPABLE_MAGIC = 0x184d_2a50
/** Of magic numbers, sizes and checksums. */
const WORD = 4
const CONTENT_SIZE_BYTES = 8

const VERSION_BITS = 0xc0
const VERSION = 0x40
const INDEPENDENT_BLOCKS = 0x20
const BLOCK_CHECKSUMS = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
/** In the size of a block: it is not compressed. */
const STORED = 0x8000_0000
/** A byte of a block makes at most so many. */
const MAX_RATIO = 255

/** What Kafka's clients write: version 1, independent blocks of up to 64 KiB, no sizes or checksums but that of this header. */
const FRAME_HEADER = Buffer.from('04224d18604082', 'hex')
const BLOCK_BYTES = 64 * 1024
const FRAME_END = Buffer.alloc(WORD)

/**
 * LZ4 as Kafka has it: frames of independent blocks (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). Frames are read
 * here, and the library has the blocks, so that the output has a limit. Checksums inside are not looked at: the batch has one over
 * all of it, and that of the frame's header is wrong in what clients before Kafka 0.10 wrote (KIP-57).
 */
export const lz4: Codec = {
  // The library has one way to compress.
  levels: null,
  load: () => void library(),
  syncBytes: 4 << 20,
  expectedBytes: input => Math.min(4 * input.length, mostBytes(input)),
  inflateSync(input, maxBytes) {
    const inflating = inflated(input, maxBytes)
    for (let step = inflating.next(); ; step = inflating.next(library().uncompressSync(step.value))) {
      if (step.done) return step.value
    }
  },
  async inflate(input, maxBytes) {
    const inflating = inflated(input, maxBytes)
    for (let step = inflating.next(); ; step = inflating.next(await library().uncompress(step.value))) {
      if (step.done) return step.value
    }
  },
  deflate: framed,
}

interface Block {
  readonly bytes: Uint8Array
  readonly stored: boolean
  /** What it may inflate to. */
  readonly maxBytes: number
}

function mostBytes(input: Uint8Array): number {
  let sum = 0
  for (const { maxBytes } of blocksOf(input)) sum += maxBytes
  return sum
}

/** Yields what the library is to inflate, and is given what that became. */
function* inflated(input: Uint8Array, maxBytes: number): Generator<Uint8Array, Buffer, Buffer> {
  const output = Buffer.allocUnsafeSlow(Math.min(mostBytes(input), maxBytes))
  let length = 0
  for (const block of blocksOf(input)) {
    const bytes = block.stored ? block.bytes : yield sized(block)
    if (bytes.length > output.length - length) throw new OutputTooLarge()
    output.set(bytes, length)
    length += bytes.length
  }
  return output.subarray(0, length)
}

function sized(block: Block): Uint8Array {
  const bytes = Buffer.allocUnsafe(WORD + block.bytes.length)
  bytes.writeUInt32LE(block.maxBytes)
  bytes.set(block.bytes, WORD)
  return bytes
}

/** The blocks of all frames, one at a time: a sender decides how many there are. */
function* blocksOf(input: Uint8Array): Generator<Block> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  for (let at = 0; at < input.length; ) {
    const magic = word(view, at)
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) at += 2 * WORD + word(view, at + WORD)
    else if (magic === MAGIC) at = yield* blocksOfFrame(input, view, at)
    else throw new Error(`A frame does not begin with ${magic.toString(16)}`)
  }
}

/** Answers where the frame ends. */
function* blocksOfFrame(input: Uint8Array, view: DataView, start: number): Generator<Block, number> {
  const flags = byte(view, start + WORD)
  const known = (flags & VERSION_BITS) === VERSION && (flags & INDEPENDENT_BLOCKS) !== 0 && (flags & DICTIONARY) === 0
  const scale = (byte(view, start + WORD + 1) >>> 4) & 7
  if (!known || scale < 4) throw new Error(`Kafka has no frames with the flags ${flags} and blocks of size ${scale}`)
  const maxBlockBytes = 2 ** (8 + 2 * scale)
  // Behind flags, block size, and the checksum of the header.
  let at = start + WORD + 3 + ((flags & CONTENT_SIZE) === 0 ? 0 : CONTENT_SIZE_BYTES)
  for (;;) {
    const size = word(view, at)
    at += WORD
    if (size === 0) break
    const bytes = size & ~STORED
    const end = at + bytes
    if (bytes > maxBlockBytes || end > input.length) throw new Error(`A block claims ${bytes} bytes`)
    const stored = size >= STORED
    yield {
      bytes: input.subarray(at, end),
      stored,
      maxBytes: stored ? bytes : Math.min(maxBlockBytes, MAX_RATIO * bytes),
    }
    at = end + ((flags & BLOCK_CHECKSUMS) === 0 ? 0 : WORD)
  }
  return at + ((flags & CONTENT_CHECKSUM) === 0 ? 0 : WORD)
}

function word(view: DataView, at: number): number {
  if (at + WORD > view.byteLength) throw new Error('A frame is cut off')
  return view.getUint32(at, true)
}

function byte(view: DataView, at: number): number {
  return at < view.byteLength ? view.getUint8(at) : 0
}

function framed(input: Uint8Array): Buffer {
  const parts: Uint8Array[] = [FRAME_HEADER]
  for (let at = 0; at < input.length; at += BLOCK_BYTES) {
    const plain = input.subarray(at, at + BLOCK_BYTES)
    const packed = library().compressSync(plain).subarray(WORD)
    const stored = packed.length >= plain.length
    const size = Buffer.allocUnsafe(WORD)
    size.writeUInt32LE(stored ? STORED + plain.length : packed.length)
    parts.push(size, stored ? plain : packed)
  }
  return Buffer.concat([...parts, FRAME_END])
}
