/**
 * Opens many batches that something is wrong with: `node hostile-program.ts SEED COUNT`. A process of its own, because the libraries that
 * inflate are native: it prints how many were sound all the same, and the most memory that it ever had.
 */
import { seededRandom } from '../../src/base/random.ts'
import { deflate, inflate } from '../../src/records/compression.ts'
import { CorruptBatchError } from '../../src/records/errors.ts'
import { COMPRESSIONS } from '../../src/records/record-batch.ts'
import { mutated } from '../protocol/hostile-bytes.ts'
import { place } from './batches.ts'
import { hostile, survives } from './hostile-batches.ts'

const MiB = 1 << 20
const maxBytes = 8 * MiB
const [seed = 1, count = 1_000] = process.argv.slice(2).map(Number)
Error.stackTraceLimit = 0
const random = seededRandom(seed)

/** Inflated beside the event loop where they are sound: their size, and beyond the limit. */
const large = COMPRESSIONS.flatMap(codec => {
  if (codec === 'none') return []
  const text = Buffer.alloc(6 * MiB, 'so much of the same, ').fill('and of something else ', MiB, 5 * MiB)
  return [text, Buffer.alloc(9 * MiB)].map(plain => ({ codec, bytes: deflate(codec, plain) }))
})

let sound = 0
for (let batch = 0; batch < count; batch++) {
  if (await survives(hostile(random), `batch ${batch} of seed ${seed}`)) sound++
  if (batch % 500 !== 0) continue
  const { codec, bytes } = large[Math.floor(random() * large.length)] as (typeof large)[number]
  try {
    const inflated = await inflate(codec, mutated(bytes, random), maxBytes, place)
    if (inflated.length > maxBytes) throw new Error(`${codec} made ${inflated.length} bytes`)
    sound++
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error
  }
}
console.log(JSON.stringify({ sound, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) }))
