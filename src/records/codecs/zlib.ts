import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { type Codec, OutputTooLarge } from './codec.ts'

type Options = zlib.ZlibOptions & zlib.ZstdOptions

/** What Node brings. gzip may come in several members, which are read as one. */
export const gzip: Codec = zlibCodec({
  levels: { min: 1, max: 9, default: -1 },
  syncBytes: 1 << 20,
  expectedBytes: guessed,
  sync: zlib.gunzipSync,
  async: promisify(zlib.gunzip),
  deflate: (input, level) => zlib.gzipSync(input, level === undefined ? {} : { level }),
})

/** Clients write it in one frame, brokers of Kafka too. */
export const zstd: Codec = zlibCodec({
  levels: { min: -131_072, max: 22 },
  syncBytes: 4 << 20,
  expectedBytes: input => claimedByZstd(input) ?? guessed(input),
  sync: zlib.zstdDecompressSync,
  async: promisify(zlib.zstdDecompress),
  deflate(input, level) {
    const params = level === undefined ? {} : { [zlib.constants.ZSTD_c_compressionLevel]: level }
    return zlib.zstdCompressSync(input, { params, pledgedSrcSize: input.length })
  },
})

interface Library extends Pick<Codec, 'levels' | 'syncBytes' | 'expectedBytes' | 'deflate'> {
  readonly sync: (input: Uint8Array, options: Options) => Buffer
  readonly async: (input: Uint8Array, options: Options) => Promise<Buffer>
}

function zlibCodec({ sync, async, ...codec }: Library): Codec {
  const options = (input: Uint8Array, maxOutputLength: number): Options => {
    const expected = Math.min(codec.expectedBytes(input), maxOutputLength)
    return { maxOutputLength, chunkSize: chunkSize(input, expected) }
  }
  return {
    ...codec,
    load: () => {},
    inflateSync(input, maxBytes) {
      try {
        return sync(input, options(input, maxBytes))
      } catch (error) {
        throw told(error)
      }
    },
    async inflate(input, maxBytes) {
      try {
        return await async(input, options(input, maxBytes))
      } catch (error) {
        throw told(error)
      }
    },
  }
}

function told(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ERR_BUFFER_TOO_LARGE' ? new OutputTooLarge(undefined, { cause: error }) : error
}

function guessed(input: Uint8Array): number {
  return 4 * input.length
}

/** The output is made in chunks of this size. One is enough where the expectation is right; a false one reserves little. */
function chunkSize(input: Uint8Array, expected: number): number {
  return Math.max(1024, Math.min(expected, 16 * input.length + 4096))
}

const ZSTD_MAGIC = 0xfd2f_b528

/** What a zstd frame says of its size (RFC 8878, 3.1.1.1). */
function claimedByZstd(input: Uint8Array): number | null {
  if (input.length < 18) return null
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  if (view.getUint32(0, true) !== ZSTD_MAGIC) return null
  const descriptor = view.getUint8(4)
  const single = (descriptor & 0x20) !== 0
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number)
  switch (descriptor >>> 6) {
    case 0:
      return single ? view.getUint8(at) : null
    case 1:
      return view.getUint16(at, true) + 256
    case 2:
      return view.getUint32(at, true)
    default:
      return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
  }
}
