import { settled } from '../../base/held-clock.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import type { Batches } from './batches.ts'
import { timestampOf } from './incoming.ts'
import { recordsOf } from './inflated.ts'

/** A record that was looked for. */
export interface Found {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

/** The first record from `startOffset` on that is not older than `timestamp`. Only batches that may have it are inflated. */
export async function findByTime(batches: Batches, startOffset: number, timestamp: number): Promise<Found | null> {
  for (let from = startOffset; ; ) {
    const batch = batches.find(from, ({ maxTimestamp }) => maxTimestamp >= timestamp)
    if (batch === undefined) return null
    const found = await firstNotOlder(batch, from, timestamp)
    if (found !== null) return found
    from = batch.lastOffset + 1
    // Its header claimed more than was in it, and so may those of all that follow.
    await settled()
  }
}

/** The first record of those with the largest timestamp. */
export async function findLargestTime(batches: Batches, startOffset: number): Promise<Found | null> {
  let largest: RecordBatch | undefined
  for (const batch of batches) if (batch.maxTimestamp > (largest?.maxTimestamp ?? -1)) largest = batch
  return largest === undefined ? null : firstNotOlder(largest, startOffset, largest.maxTimestamp)
}

/** Of a batch whose records cannot be read the first offset stands for all: nothing is missed. */
async function firstNotOlder(batch: RecordBatch, startOffset: number, timestamp: number): Promise<Found | null> {
  const { leaderEpoch } = batch
  const records = await recordsOf(batch)
  if (records === null) {
    return { offset: Math.max(batch.baseOffset, startOffset), timestamp: batch.maxTimestamp, leaderEpoch }
  }
  while (records.next()) {
    const offset = batch.baseOffset + records.offsetDelta
    const found = timestampOf(batch, records)
    if (found >= timestamp && offset >= startOffset) return { offset, timestamp: found, leaderEpoch }
  }
  return null
}
