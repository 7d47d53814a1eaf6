import assert from 'node:assert/strict'
import type { Random } from '../../src/base/random.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import type { LogBench } from './log-bench.ts'

/** Writes to a log what several producers write at once, and knows what became of each record. */
export class LogWriters {
  readonly bench: LogBench
  /** By offset; markers are none of them. */
  readonly fates: ('plain' | 'open' | 'committed' | 'aborted' | 'marker')[] = []
  readonly keys: (string | null)[] = []
  readonly #random: Random
  readonly #sequences = new Map<number, number>()
  /** Offsets by producer. */
  readonly #open = new Map<number, number[]>()

  constructor(bench: LogBench, random: Random) {
    this.bench = bench
    this.#random = random
  }

  get lastStable(): number {
    const open = this.fates.indexOf('open')
    return Math.max(open < 0 ? this.fates.length : open, this.bench.log.startOffset)
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  anything(): void {
    const producerId = 1 + this.below(4)
    const what = this.below(10)
    if (what < 3) this.append(-1)
    else if (what < 7) this.append(producerId)
    else this.end(producerId, what < 9 ? 'abort' : 'commit')
  }

  /** -1: outside of any transaction. */
  append(producerId: number): void {
    const count = 1 + this.below(3)
    const records = Array.from({ length: count }, (_, at) => {
      const key = `key ${this.below(5)}`
      this.keys.push(key)
      return { key, value: String(this.fates.length + at) }
    })
    const baseSequence = this.#sequences.get(producerId) ?? 0
    const transactional = { producerId, producerEpoch: 0, baseSequence, transactional: true }
    const batch = writeBatch(records, { now: 0, ...(producerId > 0 && transactional) })
    const appended = this.bench.partition().append(new RecordBatch(batch), -1)
    assert.deepEqual(appended, { baseOffset: this.fates.length, appendTime: -1 })
    const offsets = records.map((_, at) => this.fates.length + at)
    this.fates.push(...offsets.map(() => (producerId > 0 ? ('open' as const) : ('plain' as const))))
    if (producerId < 0) return
    this.#sequences.set(producerId, baseSequence + count)
    this.#open.set(producerId, [...(this.#open.get(producerId) ?? []), ...offsets])
  }

  end(producerId: number, result: 'commit' | 'abort'): void {
    this.bench.partition().endTransaction(producerId, 0, result)
    for (const offset of this.#open.get(producerId) ?? []) {
      this.fates[offset] = result === 'commit' ? 'committed' : 'aborted'
    }
    this.#open.delete(producerId)
    this.fates.push('marker')
    this.keys.push(null)
  }

  /** Offsets that a reader gets, from one on. */
  visible(from: number, committed: boolean): number[] {
    const end = committed ? this.lastStable : this.fates.length
    return [...this.fates.entries()].flatMap(([offset, fate]) => {
      const seen = fate === 'plain' || fate === 'committed' || (!committed && fate !== 'marker')
      return offset >= from && offset < end && seen ? [offset] : []
    })
  }
}
