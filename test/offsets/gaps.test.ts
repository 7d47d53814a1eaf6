import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeGaps, gapBytes, gapSize } from '../../src/offsets/gap-codec.ts'
import { Gaps, MetadataLimit } from '../../src/offsets/gaps.ts'
import { Progress } from '../../src/offsets/progress.ts'

const topicId = Buffer.alloc(16, 7).toString('base64url')

/** What an owner has done of the offsets from `mark` on, each a message of this leader epoch. */
function owner({ limit = 4_096, ring = 65_536 } = {}) {
  const progress = new Progress(ring)
  const gaps = new Gaps(progress, new MetadataLimit(limit))
  const passed: number[] = []
  const come = (offset: number, leaderEpoch = 3) => {
    const done = gaps.passes({ offset, leaderEpoch })
    const slot = progress.add(offset)
    if (!done) return slot
    passed.push(offset)
    progress.settle(slot)
    return -1
  }
  return { progress, gaps, passed, come }
}

/** Metadata of an owner that did all of 10 … 29 but these, and the offset it belongs to. */
function commitWithout(open: readonly number[], id: string | null = topicId) {
  const { progress, gaps, come } = owner()
  gaps.identify(id)
  for (let offset = 10; offset < 30; offset++) {
    const slot = come(offset)
    if (!open.includes(offset)) progress.settle(slot)
  }
  const offset = progress.lowest
  return { topic: 'orders', partition: 0, offset, leaderEpoch: 3, metadata: gaps.metadata(offset) }
}

test('the next owner passes over what was done, and over nothing else', () => {
  const { gaps, come, passed } = owner()
  assert.ok(gaps.recall(commitWithout([12, 15, 16, 28])))
  gaps.identify(topicId)
  const handled: number[] = []
  for (let offset = 12; offset < 40; offset++) if (come(offset) >= 0) handled.push(offset)
  assert.deepEqual(handled, [12, 15, 16, 28, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39])
  assert.equal(gaps.skipped, passed.length)
})

test('what was remembered and has not come by is remembered by the next commit as well', () => {
  const { progress, gaps, come } = owner()
  gaps.recall(commitWithout([12, 20]))
  gaps.identify(topicId)
  come(12)
  for (let offset = 13; offset < 16; offset++) come(offset)
  assert.deepEqual(decodeGaps(gaps.metadata(progress.lowest))?.done, [
    { from: 13, to: 20 },
    { from: 21, to: 30 },
  ])
})

test('it counts only beside its own offset, and for its own topic', () => {
  const commit = commitWithout([12, 20])
  const elsewhere = owner()
  assert.ok(elsewhere.gaps.recall({ ...commit, offset: 11 }))
  elsewhere.gaps.identify(topicId)
  assert.notEqual(elsewhere.come(13), -1)
  const other = owner()
  other.gaps.recall(commit)
  other.gaps.identify(Buffer.alloc(16, 8).toString('base64url'))
  assert.notEqual(other.come(13), -1)
})

test('what was written under a later leader epoch was not done, whatever its offset', () => {
  const { gaps, come, passed } = owner()
  gaps.recall(commitWithout([12]))
  gaps.identify(topicId)
  come(12)
  come(13)
  assert.notEqual(come(14, 4), -1)
  // Epochs rise with offsets: what follows was written later, too.
  assert.notEqual(come(15, 4), -1)
  assert.deepEqual(passed, [13])
})

test('metadata of others, and what is damaged, is not used and said to be so', () => {
  for (const metadata of ['consumer-1', 'millrace:1:', 'millrace:9:AAAA', commitWithout([12]).metadata.slice(0, -1)]) {
    const { gaps, come } = owner()
    assert.equal(gaps.recall({ ...commitWithout([12]), metadata }), false)
    assert.notEqual(come(13), -1)
  }
})

test('it is full when what is done fits no longer, and not any more when it does again', () => {
  const { progress, gaps, come } = owner({ limit: 200 })
  const open: number[] = []
  for (let offset = 0; !gaps.full; offset++) {
    assert.ok(offset < 10_000, 'never full')
    const slot = come(offset)
    if (offset % 3 === 0) open.push(slot)
    else progress.settle(slot)
  }
  const before = decodeGaps(gaps.metadata(progress.lowest))?.done.length ?? 0
  assert.ok(before > 20 && gaps.metadata(progress.lowest).length <= 200)
  // Those in the middle: the mark stays where it is.
  for (const slot of open.splice(1, open.length - 2)) progress.settle(slot)
  assert.equal(gaps.full, false)
})

test('whether it is full is known after every message, whatever is done when', () => {
  const stories = fc.record({
    limit: fc.integer({ min: 110, max: 400 }),
    steps: fc.array(fc.record({ come: fc.integer({ min: 0, max: 400 }), settle: fc.nat(1_000) }), {
      minLength: 50,
      maxLength: 500,
    }),
  })
  fc.assert(
    fc.property(stories, ({ limit, steps }) => {
      const { progress, gaps, come } = owner({ limit })
      const open: number[] = []
      let offset = 0
      for (const step of steps) {
        offset += 1 + (step.come % 3 === 0 ? step.come : 0)
        open.push(come(offset))
        // The first one is stuck; of the others some are done, most of them at once.
        const at = step.settle % 5 === 0 ? 1 + (step.settle % open.length) : open.length - 1
        const [slot] = step.settle % 3 === 0 || at === 0 ? [] : open.splice(at, 1)
        if (slot !== undefined) progress.settle(slot)
        const size = gapSize(progress.lowest, progress.doneRanges())
        assert.equal(gaps.full, size > gapBytes(limit), `${size} bytes of ${gapBytes(limit)}`)
      }
    }),
    { seed: 5, numRuns: 200 },
  )
})

test('what a commit above a stuck message takes does not grow with what is done above it', t => {
  const { progress, gaps, come } = owner()
  gaps.identify(topicId)
  come(0)
  // Each time the ring is searched for what is not done.
  const ring = t.mock.method(Uint8Array.prototype, 'indexOf').mock
  const costs: { characters: number; looks: number }[] = []
  let working = -1
  for (let offset = 1; offset <= 1_000_000; offset++) {
    const slot = come(offset)
    if (offset % 200_000 === 199_500) working = slot
    else progress.settle(slot)
    if (offset % 200_000 !== 0) continue
    ring.resetCalls()
    const metadata = gaps.metadata(0)
    costs.push({ characters: metadata.length, looks: ring.callCount() })
    assert.deepEqual(decodeGaps(metadata)?.done, [
      { from: 1, to: offset - 500 },
      { from: offset - 499, to: offset + 1 },
    ])
    progress.settle(working)
  }
  assert.equal(gaps.full, false)
  for (const { characters, looks } of costs) assert.ok(characters <= 60 && looks <= 4, `${characters}, ${looks}`)
  assert.ok(costs.some(({ looks }) => looks > 0))
})

test('with messages that stay open all over a million, a commit has what it may have, and nothing more is taken then', () => {
  const { progress, gaps, come } = owner()
  gaps.identify(topicId)
  let open = 0
  for (let offset = 0; offset < 1_000_000 && !gaps.full; offset++) {
    const slot = come(offset)
    if (offset % 500 === 0) open++
    else progress.settle(slot)
  }
  assert.ok(gaps.full && open > 700, `${open} open`)
  const metadata = gaps.metadata(progress.lowest)
  assert.ok(metadata.length <= 4_096 && progress.runs <= open)
  assert.equal(decodeGaps(metadata)?.done.length, progress.runs)
})

test('a limit that holds nothing of use is none: nothing is remembered, and nothing waits for it', () => {
  const limit = new MetadataLimit(50)
  assert.equal(limit.characters, 0)
  const { progress, gaps, come } = owner({ limit: 50 })
  for (let offset = 0; offset < 5_000; offset++) {
    const slot = come(offset)
    if (offset % 2 === 1) progress.settle(slot)
  }
  assert.deepEqual([gaps.full, gaps.metadata(0)], [false, ''])
})

test('ranges are those of a naive model, also where the ring has moved open messages out', () => {
  for (const ring of [2, 8, 64]) {
    const { progress, come } = owner({ ring })
    const done = new Set<number>()
    const slots = Array.from({ length: 300 }, (_, at) => ({ offset: 2 * at, slot: come(2 * at) }))
    for (const { offset, slot } of slots) {
      if ((offset * 7919) % 5 < 3 && offset > 0) {
        progress.settle(slot)
        done.add(offset)
      }
      const inRanges = new Set(
        progress.doneRanges().flatMap(({ from, to }) => slots.filter(each => each.offset >= from && each.offset < to)),
      )
      const said = [...inRanges].map(each => each.offset).sort((a, b) => a - b)
      assert.deepEqual(
        said,
        [...done].filter(each => each > progress.lowest).sort((a, b) => a - b),
      )
    }
  }
})

test('the next owner knows how often messages were tried, and tells it on before they come by', () => {
  const before = owner()
  before.gaps.identify(topicId)
  for (let offset = 10; offset < 20; offset++) {
    const slot = before.come(offset)
    if (offset === 15) before.progress.settle(slot)
  }
  for (const offset of [10, 12, 13, 14]) before.gaps.attempts.set(offset, 2)
  before.gaps.attempts.set(13, 1)
  const offset = before.progress.lowest
  const commit = { topic: 'orders', partition: 0, offset, leaderEpoch: 3, metadata: before.gaps.metadata(offset) }

  const { gaps, come, progress } = owner()
  assert.ok(gaps.recall(commit))
  gaps.identify(topicId)
  const first = come(10)
  come(11)
  come(12)
  assert.deepEqual(
    [10, 11, 12].map(each => gaps.attempts.of(each)),
    [2, 0, 2],
  )
  progress.settle(first)
  gaps.attempts.set(10, 0)
  assert.deepEqual(decodeGaps(gaps.metadata(progress.lowest))?.tried, [
    { from: 12, to: 13, attempts: 2 },
    { from: 13, to: 14, attempts: 1 },
    { from: 14, to: 15, attempts: 2 },
  ])
})

test('attempts count for their own topic only, and not for what was written under a later leader epoch', () => {
  const before = owner()
  before.gaps.identify(topicId)
  before.come(10)
  before.come(11)
  for (const offset of [10, 11]) before.gaps.attempts.set(offset, 2)
  const commit = { topic: 'orders', partition: 0, offset: 10, leaderEpoch: 3, metadata: before.gaps.metadata(10) }
  const other = owner()
  other.gaps.recall(commit)
  other.gaps.identify(Buffer.alloc(16, 8).toString('base64url'))
  other.come(10)
  assert.equal(other.gaps.attempts.of(10), 0)
  const later = owner()
  later.gaps.recall(commit)
  later.gaps.identify(topicId)
  later.come(10)
  later.come(11, 4)
  assert.deepEqual([later.gaps.attempts.of(10), later.gaps.attempts.of(11)], [2, 0])
})

test('each attempt makes other metadata, and what is committed again when the last one is forgotten is none', () => {
  const { gaps, come, progress } = owner()
  come(10)
  assert.deepEqual([gaps.version, gaps.metadata(10)], [0, ''])
  gaps.attempts.set(10, 1)
  const first = gaps.version
  gaps.attempts.set(10, 2)
  assert.ok(gaps.version !== first && first !== 0)
  gaps.attempts.set(10, 0)
  assert.deepEqual([gaps.version, gaps.metadata(progress.lowest)], [0, ''])
})
