import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { arbitraryMessage } from '../protocol/arbitrary-message.ts'
import { garbage, mutated, survives } from '../protocol/hostile-bytes.ts'
import { messageVersions, written } from '../protocol/message-versions.ts'

const seed = Number(process.env.SEED ?? 1)
Error.stackTraceLimit = 0

test('three million mutated and random frames are a value or a ProtocolError, and leave no memory behind', t => {
  const random = seededRandom(seed)
  let frames = 0
  let values = 0
  let heapAfterFirst = 0
  for (let round = 0; round < 50; round++) {
    for (const each of messageVersions) {
      const [value = {}] = fc.sample(arbitraryMessage(each), { seed: (seed + round) | 0, numRuns: 1 })
      const bytes = written(each.codec, value)
      for (let i = 0; i < 90; i++) if (survives(each, mutated(bytes, random))) values++
      for (let i = 0; i < 10; i++) if (survives(each, garbage(Math.floor(random() * 200), random))) values++
      frames += 100
    }
    if (round === 0) heapAfterFirst = process.memoryUsage().heapUsed
  }
  const grown = process.memoryUsage().heapUsed - heapAfterFirst
  assert.equal(frames, 3_020_000)
  assert.ok(grown < 200_000_000, `the heap has grown by ${grown} bytes`)
  t.diagnostic(`${frames} frames, ${values} of them had a value`)
})
