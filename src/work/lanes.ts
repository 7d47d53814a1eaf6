import type { WorkMessage } from './claim.ts'
import type { Slot } from './slot.ts'

const BUCKETS = 1 << 16

/**
 * Who runs now and who waits behind it, for each lane: a lane is what may only run one at a time (one key, or one partition).
 * A table of buckets; in a bucket the first slots of its lanes are chained, and behind each first slot its followers. Lanes
 * are told apart by their hash alone: two keys with the same hash only wait for each other.
 */
export class Lanes<M extends WorkMessage> {
  readonly #buckets: (Slot<M> | null)[] = new Array(BUCKETS).fill(null)

  /** Queues the slot in its lane; answers the one it waits behind, or null when it is its turn. */
  enter(slot: Slot<M>): Slot<M> | null {
    const index = slot.lane & (BUCKETS - 1)
    let first = this.#buckets[index] ?? null
    while (first !== null && first.lane !== slot.lane) first = first.bucketNext
    slot.laneNext = null
    if (first === null) {
      slot.laneTail = slot
      slot.bucketNext = this.#buckets[index] ?? null
      this.#buckets[index] = slot
      return null
    }
    const tail = first.laneTail as Slot<M>
    tail.laneNext = slot
    first.laneTail = slot
    return tail
  }

  /** The lane's first slot leaves it; answers the one whose turn it is now, or null when the lane is empty. */
  leave(slot: Slot<M>): Slot<M> | null {
    const next = slot.laneNext
    if (next !== null) {
      next.laneTail = slot.laneTail
      next.bucketNext = slot.bucketNext
    }
    this.#replace(slot, next ?? slot.bucketNext)
    slot.laneNext = slot.laneTail = slot.bucketNext = null
    return next
  }

  #replace(slot: Slot<M>, by: Slot<M> | null): void {
    const index = slot.lane & (BUCKETS - 1)
    let at = this.#buckets[index] as Slot<M>
    if (at === slot) {
      this.#buckets[index] = by
      return
    }
    while (at.bucketNext !== slot) at = at.bucketNext as Slot<M>
    at.bucketNext = by
  }
}
