import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { type BatchPlace, CorruptBatchError, UnsupportedBatchError } from './errors.ts'
import type { Compression } from './record-batch.ts'

type Codec = 'gzip' | 'zstd'

interface Inflate {
  readonly sync: (input: Uint8Array, options: zlib.ZlibOptions & zlib.ZstdOptions) => Buffer
  readonly async: (input: Uint8Array, options: zlib.ZlibOptions & zlib.ZstdOptions) => Promise<Buffer>
  /** Expected output up to which the event loop is held for it: about 4 ms. */
  readonly syncBytes: number
}

/** gzip may come in several members, which are read as one; clients write zstd in one frame. */
const inflates: Readonly<Record<Codec, Inflate>> = {
  gzip: { sync: zlib.gunzipSync, async: promisify(zlib.gunzip), syncBytes: 1 << 20 },
  zstd: { sync: zlib.zstdDecompressSync, async: promisify(zlib.zstdDecompress), syncBytes: 4 << 20 },
}

/**
 * Inflates the records of a batch, at most `maxBytes` of them: small ones at once (faster than the thread pool), large ones beside the
 * event loop. Throws or rejects with `CorruptBatchError`, or `UNSUPPORTED_COMPRESSION`.
 */
export function inflate(
  codec: Compression,
  input: Uint8Array,
  maxBytes: number,
  place: BatchPlace,
): Buffer | Promise<Buffer> {
  const { sync, syncBytes } = inflates[supported(codec, place)]
  const expected = Math.min(expectedBytes(codec, input), maxBytes)
  if (expected > syncBytes) return inflateAsync(codec as Codec, input, maxBytes, expected, place)
  // Twice that is still quick; what turns out larger than expected starts anew beside the event loop.
  const limit = Math.min(maxBytes, 2 * syncBytes)
  try {
    return fitted(sync(input, { maxOutputLength: limit, chunkSize: chunkSize(input, expected) }))
  } catch (error) {
    if (limit < maxBytes && isTooLarge(error)) return inflateAsync(codec as Codec, input, maxBytes, expected, place)
    throw corrupt(codec, error, maxBytes, place)
  }
}

async function inflateAsync(
  codec: Codec,
  input: Uint8Array,
  maxBytes: number,
  expected: number,
  place: BatchPlace,
): Promise<Buffer> {
  try {
    return fitted(
      await inflates[codec].async(input, { maxOutputLength: maxBytes, chunkSize: chunkSize(input, expected) }),
    )
  } catch (error) {
    throw corrupt(codec, error, maxBytes, place)
  }
}

/** Compresses the records of a batch. Throws `UNSUPPORTED_COMPRESSION`. */
export function deflate(codec: Compression, input: Uint8Array, level?: number): Buffer {
  if (supported(codec) === 'gzip') return zlib.gzipSync(input, level === undefined ? {} : { level })
  const params = level === undefined ? {} : { [zlib.constants.ZSTD_c_compressionLevel]: level }
  return zlib.zstdCompressSync(input, { params, pledgedSrcSize: input.length })
}

function supported(codec: Compression, place?: BatchPlace): Codec {
  if (codec === 'gzip' || codec === 'zstd') return codec
  throw new UnsupportedBatchError(
    'UNSUPPORTED_COMPRESSION',
    `The compression ${codec} is not supported by this release. Set compression.type of producers and topic to gzip, zstd or none`,
    { topic: place?.topic, partition: place?.partition, offset: place?.offset },
  )
}

const ZSTD_MAGIC = 0xfd2f_b528

/** What a zstd frame says of its size (RFC 8878, 3.1.1.1), else four times the input. A guess: the limit holds whatever it says. */
function expectedBytes(codec: Compression, input: Uint8Array): number {
  const guess = 4 * input.length
  if (codec !== 'zstd' || input.length < 18) return guess
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  if (view.getUint32(0, true) !== ZSTD_MAGIC) return guess
  const descriptor = view.getUint8(4)
  const single = (descriptor & 0x20) !== 0
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number)
  switch (descriptor >>> 6) {
    case 0:
      return single ? view.getUint8(at) : guess
    case 1:
      return view.getUint16(at, true) + 256
    case 2:
      return view.getUint32(at, true)
    default:
      return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
  }
}

/** The output is made in chunks of this size. One is enough where the expectation is right; a false one reserves little. */
function chunkSize(input: Uint8Array, expected: number): number {
  return Math.max(1024, Math.min(expected, 16 * input.length + 4096))
}

/** The bytes in memory of about their own size: the last chunk may have been far larger than what it holds. */
function fitted(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= bytes.length * 1.25) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
}

function corrupt(codec: Compression, error: unknown, maxBytes: number, place: BatchPlace): CorruptBatchError {
  const reason = isTooLarge(error)
    ? `its ${codec} data inflates beyond fetch.maxInflatedBytes, ${maxBytes} bytes`
    : `its ${codec} data cannot be inflated`
  return new CorruptBatchError(place, reason, { cause: error })
}
