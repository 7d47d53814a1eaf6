import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { Progress } from '../../src/offsets/progress.ts'

/** The same promises, kept in the plainest way. */
class NaiveProgress {
  readonly slots: { offset: number; done: boolean }[] = []

  add(offset: number): number {
    return this.slots.push({ offset, done: false }) - 1
  }

  settle(slot: number): void {
    const found = this.slots[slot]
    assert(found)
    found.done = true
  }

  get openOffsets(): number[] {
    return this.slots.filter(slot => !slot.done).map(slot => slot.offset)
  }

  get runs(): number {
    const mark = this.slots.findIndex(slot => !slot.done)
    if (mark < 0) return 0
    return this.slots.filter((slot, i) => i > mark && slot.done && !this.slots[i - 1]?.done).length
  }
}

function assertSame(real: Progress, naive: NaiveProgress): void {
  const open = naive.openOffsets
  assert.deepEqual([...real.openOffsets()], open)
  assert.equal(real.lowest, open[0] ?? -1)
  assert.equal(real.open, open.length)
  assert.equal(real.runs, naive.runs)
}

test('the mark, the open messages and the runs are those of a naive model, whatever settles when', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 4, arbitrary: fc.record({ settle: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ settleLowest: fc.constant(true) }) },
  )
  fc.assert(
    fc.property(fc.constantFrom(2, 4, 8, 16, 65_536), fc.array(step, { maxLength: 300 }), (limit, steps) => {
      const real = new Progress(limit)
      const naive = new NaiveProgress()
      const open: number[] = []
      let offset = -1
      for (const step of steps) {
        if ('add' in step) {
          offset += step.add
          const slot = naive.add(offset)
          assert.equal(real.add(offset), slot)
          open.push(slot)
        } else if (open.length > 0) {
          const at = 'settle' in step ? step.settle % open.length : 0
          const [slot] = open.splice(at, 1) as [number]
          real.settle(slot)
          naive.settle(slot)
        }
        assertSame(real, naive)
      }
    }),
    { seed: 1, numRuns: 400 },
  )
})

for (const limit of [2, 64, 65_536]) {
  test(`thousands of steps with a ring of at most ${limit} slots, now filling and now draining`, () => {
    const random = seededRandom(limit)
    const real = new Progress(limit)
    const naive = new NaiveProgress()
    const open: number[] = []
    let offset = 0
    for (let step = 0; step < 20_000; step++) {
      const filling = Math.floor(step / 3_000) % 2 === 0
      if (open.length === 0 || random() < (filling ? 0.7 : 0.2)) {
        offset += 1 + Math.floor(random() * 3)
        open.push(naive.add(offset))
        real.add(offset)
      } else {
        const at = Math.floor(random() ** 3 * open.length)
        const [slot] = open.splice(at, 1) as [number]
        naive.settle(slot)
        real.settle(slot)
      }
      if (step % 500 === 0) assertSame(real, naive)
    }
    for (const slot of open) {
      real.settle(slot)
      naive.settle(slot)
    }
    assertSame(real, naive)
    assert.equal(real.lowest, -1)
  })
}

test('a message that stays open costs no memory while millions pass', () => {
  const progress = new Progress()
  const first = progress.add(7)
  for (let offset = 8; offset < 200_000; offset++) progress.settle(progress.add(offset))
  const before = process.memoryUsage().arrayBuffers
  for (let offset = 200_000; offset < 3_000_000; offset++) progress.settle(progress.add(offset))
  assert(process.memoryUsage().arrayBuffers - before < 1_000_000)
  assert.equal(progress.lowest, 7)
  assert.equal(progress.open, 1)
  assert.equal(progress.runs, 1)
  progress.settle(first)
  assert.equal(progress.lowest, -1)
  assert.equal(progress.runs, 0)
})

test('settling hundreds of thousands of old messages in order takes no quadratic time', () => {
  const progress = new Progress(1_024)
  const slots = Array.from({ length: 400_000 }, (_, i) => progress.add(i * 2))
  const start = process.cpuUsage().user
  for (const slot of slots) progress.settle(slot)
  assert(process.cpuUsage().user - start < 2_000_000)
  assert.equal(progress.lowest, -1)
})

test('a slot that is settled twice, or was never given, throws and changes nothing', () => {
  const progress = new Progress(4)
  const slots = Array.from({ length: 12 }, (_, i) => progress.add(i * 10))
  const settled = [slots[11], slots[4], slots[0]] as number[]
  for (const slot of settled) progress.settle(slot)
  for (const slot of [...settled, -1, 12, Number.NaN]) {
    assert.throws(() => progress.settle(slot), { code: 'PROGRESS' })
  }
  assert.deepEqual([...progress.openOffsets()], [10, 20, 30, 50, 60, 70, 80, 90, 100])
  assert.equal(progress.open, 9)
  assert.equal(progress.runs, 2)
})

test('an offset that is not above the last one is refused', () => {
  const progress = new Progress()
  progress.add(5)
  assert.throws(() => progress.add(5), { code: 'PROGRESS' })
  assert.throws(() => progress.add(4), { code: 'PROGRESS' })
  assert.equal(progress.open, 1)
})
