import { PackageMissing } from '../base/optional-package.ts'
import { partitionName } from '../base/topic-partition.ts'
import { type Codec, type Levels, OutputTooLarge } from './codecs/codec.ts'
import { lz4 } from './codecs/lz4.ts'
import { snappy } from './codecs/snappy.ts'
import { gzip, zstd } from './codecs/zlib.ts'
import { type BatchPlace, CorruptBatchError, UnsupportedBatchError } from './errors.ts'
import type { Compression } from './record-batch.ts'

type CodecName = Exclude<Compression, 'none'>

const codecs: Readonly<Record<CodecName, Codec>> = { gzip, snappy, lz4, zstd }

/**
 * Inflates the records of a batch, at most `maxBytes` of them: small ones at once (faster than the thread pool), large ones beside the
 * event loop. Throws or rejects with `CorruptBatchError`, or `UNSUPPORTED_COMPRESSION`.
 */
export function inflate(
  name: CodecName,
  input: Uint8Array,
  maxBytes: number,
  place: BatchPlace,
): Buffer | Promise<Buffer> {
  const codec = codecs[name]
  // Twice what is quick is quick still; what turns out larger than expected starts anew beside the event loop.
  const limit = Math.min(maxBytes, 2 * codec.syncBytes)
  try {
    if (Math.min(codec.expectedBytes(input), maxBytes) > codec.syncBytes)
      return inflateAsync(name, input, maxBytes, place)
    return fitted(codec.inflateSync(input, limit))
  } catch (error) {
    if (limit < maxBytes && error instanceof OutputTooLarge) return inflateAsync(name, input, maxBytes, place)
    throw described(name, error, maxBytes, place)
  }
}

async function inflateAsync(name: CodecName, input: Uint8Array, maxBytes: number, place: BatchPlace): Promise<Buffer> {
  try {
    return fitted(await codecs[name].inflate(input, maxBytes))
  } catch (error) {
    throw described(name, error, maxBytes, place)
  }
}

/** Levels that records may be compressed at, as Kafka's own clients have them (KIP-390); null: there are none. */
export function levelsOf(name: Compression): Levels | null {
  return name === 'none' ? null : codecs[name].levels
}

/** That records can be compressed so. Throws `UNSUPPORTED_COMPRESSION`. */
export function requireCodec(name: Compression): void {
  try {
    if (name !== 'none') codecs[name].load()
  } catch (error) {
    throw packageError(name as CodecName, error)
  }
}

/** Compresses the records of a batch. Throws `UNSUPPORTED_COMPRESSION`. */
export function deflate(name: CodecName, input: Uint8Array, level?: number): Buffer {
  try {
    return codecs[name].deflate(input, level)
  } catch (error) {
    throw packageError(name, error)
  }
}

function packageError(name: CodecName, error: unknown): unknown {
  return error instanceof PackageMissing ? unsupported(name, error, 'Records cannot be written') : error
}

/** The bytes in memory of about their own size: what they were made in may have been far larger. */
function fitted(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= bytes.length * 1.25) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

function described(name: CodecName, error: unknown, maxBytes: number, place: BatchPlace): Error {
  if (error instanceof PackageMissing) {
    const at = place.offset === undefined ? '' : ` at offset ${place.offset}`
    return unsupported(
      name,
      error,
      `The batch of ${partitionName(place.topic, place.partition)}${at} cannot be read`,
      place,
    )
  }
  const reason =
    error instanceof OutputTooLarge
      ? `its ${name} data inflates beyond fetch.maxInflatedBytes, ${maxBytes} bytes`
      : `its ${name} data cannot be inflated`
  return new CorruptBatchError(place, reason, { cause: error })
}

function unsupported(name: CodecName, error: PackageMissing, what: string, place?: BatchPlace): UnsupportedBatchError {
  return new UnsupportedBatchError(
    'UNSUPPORTED_COMPRESSION',
    `${what}: ${name} needs the package "${error.package}", which is not installed or has no build for ${process.platform}-` +
      `${process.arch}. Run npm install ${error.package}; it is an optional dependency, which npm leaves out with --omit=optional`,
    { topic: place?.topic, partition: place?.partition, offset: place?.offset, cause: error },
  )
}
