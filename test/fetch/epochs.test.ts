import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Epochs } from '../../src/fetch/epochs.ts'

/** Of a claim that begins behind a record of this epoch. */
function epochsFrom(epoch: number): Epochs {
  const epochs = new Epochs()
  epochs.begin(epoch, -1)
  return epochs
}

test('the epoch below an offset is that of the record before it', () => {
  const epochs = epochsFrom(3)
  assert.deepEqual([epochs.latest, epochs.below(100)], [3, 3])
  epochs.begin(5, 110)
  epochs.begin(6, 120)
  assert.equal(epochs.latest, 6)
  assert.deepEqual(
    [100, 110, 111, 120, 121, 10_000].map(offset => epochs.below(offset)),
    [3, 3, 5, 5, 6, 6],
  )
})

test('below an offset that was asked for before, what has been forgotten is not known, and nothing else is told', () => {
  const epochs = epochsFrom(3)
  epochs.begin(5, 110)
  assert.deepEqual(
    [120, 115, 111, 110, 100].map(offset => epochs.below(offset)),
    [5, 5, 5, -1, -1],
  )
})

test('without a record there is none', () => {
  assert.equal(new Epochs().below(0), -1)
})

test('a position that is set anew makes void what was known from there on', () => {
  const epochs = epochsFrom(1)
  epochs.begin(4, 50)
  epochs.begin(2, 30 - 1)
  epochs.begin(5, 30)
  assert.deepEqual(
    [29, 30, 31, 60].map(offset => epochs.below(offset)),
    [1, 2, 5, 5],
  )
  const first = epochsFrom(1)
  first.begin(0, -1)
  assert.equal(first.below(0), 0)
})

test('asked for rising offsets while batches come in, it answers as the whole log would', () => {
  const steps = fc.array(fc.record({ records: fc.nat(5), elections: fc.nat(2), done: fc.nat(8) }), { maxLength: 100 })
  fc.assert(
    fc.property(fc.integer({ min: -1, max: 3 }), steps, (before, batches) => {
      const epochs = epochsFrom(before)
      const log: number[] = []
      let [epoch, done] = [Math.max(before, 0), 0]
      for (const batch of batches) {
        epoch += batch.elections
        if (epoch !== epochs.latest) epochs.begin(epoch, log.length)
        for (let count = 0; count <= batch.records; count++) log.push(epoch)
        done = Math.min(log.length, done + batch.done)
        assert.equal(epochs.below(done), log[done - 1] ?? before)
      }
    }),
    { seed: 1 },
  )
})

test('thousands of leaders below one open message cost a few entries, and none is taken for an earlier one', () => {
  const epochs = epochsFrom(0)
  assert.equal(epochs.below(5), 0)
  for (let epoch = 1; epoch <= 5_000; epoch++) epochs.begin(epoch, epoch * 10)
  assert.equal(epochs.below(5), 0)
  let exact = 0
  for (let epoch = 0; epoch <= 5_000; epoch++) {
    const answered = epochs.below(epoch * 10 + 10)
    assert.ok(answered >= epoch, `${answered} for ${epoch}`)
    if (answered === epoch) exact++
  }
  assert.ok(exact >= 60 && exact < 70, `${exact} were kept`)
})
