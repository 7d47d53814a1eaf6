import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { AbortedFilter, type AbortedTransaction } from '../../src/records/aborted.ts'
import { writeBatch, writeEndMarker } from '../../src/records/batch-writer.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import type { RecordBatch } from '../../src/records/record-batch.ts'
import { batchAround, batchOf, changed, options, recordedBatch } from './batches.ts'

/** A log written batch by batch, with what a broker knows of its transactions. */
class Log {
  readonly batches: RecordBatch[] = []
  /** First offsets of the batches that a reader must see. */
  readonly visible = new Set<number>()
  readonly #aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = []
  readonly #open = new Map<number, number[]>()
  end = 0

  plain(count = 1): void {
    this.visible.add(this.end)
    this.#add(writeBatch(Array(count).fill({ value: 'v' }), { baseOffset: this.end }))
  }

  transactional(producerId: number, count = 1): void {
    const offsets = this.#open.get(producerId) ?? []
    this.#open.set(producerId, [...offsets, this.end])
    const header = { baseOffset: this.end, producerId, producerEpoch: 0, baseSequence: 0, transactional: true }
    this.#add(writeBatch(Array(count).fill({ value: 'v' }), header))
  }

  finish(producerId: number, type: 'abort' | 'commit'): void {
    const offsets = this.#open.get(producerId) ?? []
    this.#open.delete(producerId)
    const [firstOffset] = offsets
    if (type === 'commit') for (const offset of offsets) this.visible.add(offset)
    else if (firstOffset !== undefined) this.#aborted.push({ producerId, firstOffset, lastOffset: this.end })
    this.#add(writeEndMarker({ type, producerId, producerEpoch: 0, baseOffset: this.end }))
  }

  /** First offsets of the batches kept of an answer that holds these batches: its list is all that overlaps, in no order. */
  read(from: number, to: number): number[] {
    const batches = this.batches.slice(from, to)
    const start = batches[0]?.baseOffset ?? 0
    const last = batches.at(-1)?.lastOffset ?? 0
    const aborted = this.#aborted.filter(
      transaction => transaction.lastOffset >= start && transaction.firstOffset <= last,
    )
    const filter = new AbortedFilter(aborted.reverse())
    return batches.filter(batch => filter.keeps(batch)).map(batch => batch.baseOffset)
  }

  #add(bytes: Buffer): void {
    const batch = batchOf(bytes)
    this.batches.push(batch)
    this.end = batch.lastOffset + 1
  }
}

test('batches of an aborted transaction and all markers are left out, and others between them stay', () => {
  const log = new Log()
  log.transactional(1, 3)
  log.plain()
  log.transactional(2)
  log.finish(1, 'abort')
  log.transactional(1)
  log.finish(2, 'commit')
  log.finish(1, 'commit')
  assert.deepEqual(log.read(0, log.batches.length), [3, 4, 6])
})

test('it does not matter in which answer the abort marker comes', () => {
  const log = new Log()
  log.plain()
  log.transactional(1)
  log.transactional(1)
  log.finish(1, 'abort')
  log.transactional(1)
  log.finish(1, 'commit')
  for (let cut = 0; cut <= log.batches.length; cut++) {
    assert.deepEqual([...log.read(0, cut), ...log.read(cut, log.batches.length)], [0, 4], `cut before batch ${cut}`)
  }
})

test('of any log, however it is cut into answers, exactly the committed is seen', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), (seed, producers) => {
      const random = seededRandom(seed)
      const pick = (below: number) => Math.floor(random() * below)
      const log = new Log()
      for (let step = 0; step < 60; step++) {
        const action = random()
        if (action < 0.15) log.plain(1 + pick(3))
        else if (action < 0.7) log.transactional(pick(producers), 1 + pick(3))
        else log.finish(pick(producers), random() < 0.5 ? 'abort' : 'commit')
      }
      for (let producer = 0; producer < producers; producer++) log.finish(producer, random() < 0.5 ? 'abort' : 'commit')
      const seen: number[] = []
      for (let from = 0; from < log.batches.length; ) {
        const to = from + 1 + pick(12)
        seen.push(...log.read(from, to))
        from = to
      }
      assert.deepEqual(
        seen,
        [...log.visible].sort((a, b) => a - b),
      )
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('producer ids are the same however wide they were read', () => {
  for (const [given, written] of [
    [7n, 7],
    [2 ** 53, 2n ** 53n],
    [2n ** 60n, 2n ** 60n],
  ] as const) {
    const filter = new AbortedFilter([{ producerId: given, firstOffset: 0 }])
    assert.equal(
      filter.keeps(batchOf(writeBatch([{}], { producerId: written, transactional: true }))),
      false,
      `${given}`,
    )
  }
})

test('without a list, as under read_uncommitted, only control batches are left out', () => {
  const filter = new AbortedFilter([])
  assert.equal(filter.keeps(batchOf(recordedBatch('java-transactional'))), true)
  assert.equal(filter.keeps(batchOf(recordedBatch('broker-abort'))), false)
  assert.equal(filter.keeps(batchOf(recordedBatch('broker-commit'))), false)
  assert.equal(
    filter.keeps(batchOf(batchAround(Buffer.alloc(0), { count: 0, lastOffsetDelta: 0, attributes: 0x30 }))),
    false,
  )
})

test('a control record of a kind that clients do not know is left out and ends nothing', () => {
  const abort = writeEndMarker({ type: 'abort', producerId: 1, producerEpoch: 0, baseOffset: 1 })
  const leaderChange = changed(abort, copy => copy.writeInt8(2, copy.indexOf('000000000c', 61, 'hex') + 3))
  const filter = new AbortedFilter([{ producerId: 1, firstOffset: 0 }])
  assert.equal(filter.keeps(batchOf(leaderChange)), false)
  assert.equal(filter.keeps(batchOf(writeBatch([{}], { producerId: 1, transactional: true, baseOffset: 2 }))), false)
})

test('a control batch that cannot be read is kept for openBatch to report, and hides nothing behind it', () => {
  const abort = writeEndMarker({ type: 'abort', producerId: 1, producerEpoch: 0, baseOffset: 1 })
  const damaged = Buffer.from(abort)
  damaged[damaged.length - 1] = 9
  const noKey = writeBatch([{ value: 'v' }], { producerId: 1, baseOffset: 1, transactional: true })
  const shortKey = writeBatch([{ key: '\0\0' }], { producerId: 1, baseOffset: 1, transactional: true })
  const asControl = (bytes: Buffer) => changed(bytes, copy => copy.writeInt16BE(0x30, 21))
  for (const bytes of [damaged, asControl(noKey), asControl(shortKey)]) {
    const aborted: AbortedTransaction[] = [{ producerId: 1, firstOffset: 0 }]
    const filter = new AbortedFilter(aborted)
    const batch = batchOf(bytes)
    assert.equal(filter.keeps(batchOf(writeBatch([{}], { producerId: 1, transactional: true }))), false)
    assert.equal(filter.keeps(batch), true)
    assert.throws(() => openBatch(batch, options), { code: 'CORRUPT_BATCH', offset: 1 })
    assert.equal(filter.keeps(batchOf(writeBatch([{}], { producerId: 1, transactional: true, baseOffset: 2 }))), true)
  }
})
