/**
 * What it costs to inflate and to compress records, by codec and size: `node bench/micro/inflate.ts`. It prints medians of several rounds
 * and is no test. What a codec inflates in 4 ms is its `syncBytes` in `src/records/codecs`: more is inflated beside the event loop, where
 * it costs somewhat more and holds nobody up.
 */
import { writeBatch } from '../../src/records/batch-writer.ts'
import type { Codec } from '../../src/records/codecs/codec.ts'
import { lz4 } from '../../src/records/codecs/lz4.ts'
import { snappy } from '../../src/records/codecs/snappy.ts'
import { gzip, zstd } from '../../src/records/codecs/zlib.ts'
import { HEADER_BYTES } from '../../src/records/record-batch.ts'
import { spread } from '../statistics.ts'

const ROUNDS = 7
const BYTES_A_ROUND = 24_000_000
const codecs: Readonly<Record<string, Codec>> = { gzip, snappy, lz4, zstd }

/** Records of JSON that has something in common, and of which half a line is new. */
function records(bytes: number): Buffer {
  const count = Math.ceil(bytes / 115)
  const one = (index: number) => ({
    key: `user-${(index * 7919) % 10_007}`,
    value: JSON.stringify({
      id: index * 31,
      at: 1_750_000_000_000 + index * 17,
      amount: (index * 7919) % 99_991,
      tags: ['a', 'b'],
    }),
  })
  return writeBatch(Array.from({ length: count }, (_, index) => one(index))).subarray(
    HEADER_BYTES,
    HEADER_BYTES + bytes,
  )
}

/** Median milliseconds of CPU, in all threads of this process, that one call takes. */
async function cpuMs(bytes: number, call: () => unknown): Promise<number> {
  const calls = Math.max(2, Math.ceil(BYTES_A_ROUND / bytes))
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let index = 0; index < calls; index++) await call()
    const { user, system } = process.cpuUsage(before)
    rounds.push((user + system) / 1_000 / calls)
  }
  return spread(rounds).median
}

console.log('codec     bytes   ratio    sync ms   MB/s   async ms   write ms   MB/s')
for (const [name, codec] of Object.entries(codecs)) {
  for (const bytes of [1_000, 16_000, 200_000, 1 << 20, 4 << 20]) {
    const plain = records(bytes)
    const packed = codec.deflate(plain, undefined)
    const sync = await cpuMs(bytes, () => codec.inflateSync(packed, plain.length))
    const async = await cpuMs(bytes, () => codec.inflate(packed, plain.length))
    const write = await cpuMs(bytes, () => codec.deflate(plain, undefined))
    const rate = (ms: number) => (bytes / ms / 1_000).toFixed(0).padStart(6)
    const cells = [
      sync.toFixed(3).padStart(10),
      rate(sync),
      async.toFixed(3).padStart(10),
      write.toFixed(3).padStart(10),
      rate(write),
    ]
    console.log(
      `${name.padEnd(7)} ${String(bytes).padStart(7)} ${(bytes / packed.length).toFixed(1).padStart(7)} ${cells.join(' ')}`,
    )
  }
}
