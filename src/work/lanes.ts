import type { WorkMessage } from './claim.ts'
import type { Slot } from './slot.ts'

/** Few enough to stay in the processor's cache: each message looks at one of them, anywhere in the table. */
const FEWEST_BUCKETS = 1 << 10
const MOST_BUCKETS = 1 << 16

/**
 * Who runs now and who waits behind it, for each lane: a lane is what may only run one at a time (one key, or one partition).
 * A table of buckets that grows with the number of lanes in use; in a bucket the first slots of its lanes are chained, and behind
 * each first slot its followers. Lanes are told apart by their hash alone: two keys with the same hash only wait for each other.
 */
export class Lanes<M extends WorkMessage> {
  #buckets: (Slot<M> | null)[] = new Array(FEWEST_BUCKETS).fill(null)
  #mask = FEWEST_BUCKETS - 1
  /** Lanes in use. */
  #count = 0

  isFree(lane: number): boolean {
    let first = this.#buckets[lane & this.#mask] ?? null
    while (first !== null && first.lane !== lane) first = first.bucketNext
    return first === null
  }

  /** Queues the slot in its lane; answers the one it waits behind, or null when it is its turn. */
  enter(slot: Slot<M>): Slot<M> | null {
    let first = this.#buckets[slot.lane & this.#mask] ?? null
    while (first !== null && first.lane !== slot.lane) first = first.bucketNext
    if (first === null) {
      this.enterFree(slot)
      return null
    }
    slot.laneNext = null
    const tail = first.laneTail as Slot<M>
    tail.laneNext = slot
    first.laneTail = slot
    return tail
  }

  /** The same for a lane that is known to be free. */
  enterFree(slot: Slot<M>): void {
    const index = slot.lane & this.#mask
    slot.laneNext = null
    slot.laneTail = slot
    slot.bucketNext = this.#buckets[index] ?? null
    this.#buckets[index] = slot
    if (++this.#count > this.#mask && this.#count <= MOST_BUCKETS) this.#grow()
  }

  /** The lane's first slot leaves it; answers the one whose turn it is now, or null when the lane is empty. */
  leave(slot: Slot<M>): Slot<M> | null {
    const next = slot.laneNext
    if (next === null) this.#count--
    else {
      next.laneTail = slot.laneTail
      next.bucketNext = slot.bucketNext
    }
    this.#replace(slot, next ?? slot.bucketNext)
    slot.laneNext = slot.laneTail = slot.bucketNext = null
    return next
  }

  /** One that is not the lane's `first`, but stands right behind `before`, leaves it. */
  leaveBehind(slot: Slot<M>, before: Slot<M>, first: Slot<M>): void {
    before.laneNext = slot.laneNext
    if (first.laneTail === slot) first.laneTail = before
    slot.laneNext = null
  }

  #replace(slot: Slot<M>, by: Slot<M> | null): void {
    const index = slot.lane & this.#mask
    let at = this.#buckets[index] as Slot<M>
    if (at === slot) {
      this.#buckets[index] = by
      return
    }
    while (at.bucketNext !== slot) at = at.bucketNext as Slot<M>
    at.bucketNext = by
  }

  #grow(): void {
    const before = this.#buckets
    this.#buckets = new Array(4 * before.length).fill(null)
    this.#mask = this.#buckets.length - 1
    for (const chain of before) {
      for (let first = chain; first !== null; ) {
        const next = first.bucketNext
        const index = first.lane & this.#mask
        first.bucketNext = this.#buckets[index] ?? null
        this.#buckets[index] = first
        first = next
      }
    }
  }
}
