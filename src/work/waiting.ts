import type { Clock, Timer } from '../base/clock.ts'
import type { WorkMessage } from './claim.ts'
import type { Slot } from './slot.ts'

/** The longest time a timer of Node takes; it is set again when it fires before its slot is due. */
const LONGEST = 2 ** 31 - 1

/** Slots that wait until they are due (retries, probes, redeliveries, lingering batches): one heap with one timer. */
export class Waiting<M extends WorkMessage> {
  readonly #clock: Clock
  readonly #due: (slot: Slot<M>) => void
  readonly #heap: Slot<M>[] = []
  #timer: Timer | null = null
  #timerDue = Number.POSITIVE_INFINITY

  /** `due` is called for each slot when its time has come, the longest due first. */
  constructor(clock: Clock, due: (slot: Slot<M>) => void) {
    this.#clock = clock
    this.#due = due
  }

  get size(): number {
    return this.#heap.length
  }

  add(slot: Slot<M>, due: number): void {
    slot.due = due
    this.#heap.push(slot)
    this.#up(slot, this.#heap.length - 1)
    this.#arm()
  }

  remove(slot: Slot<M>): void {
    const last = this.#heap.pop() as Slot<M>
    if (last !== slot) {
      const index = slot.heapIndex
      this.#up(last, index)
      this.#down(last, last.heapIndex)
    }
    slot.heapIndex = -1
    if (this.#heap.length === 0) this.#disarm()
  }

  /** A copy, so that slots may be removed while it is read. */
  slots(): Slot<M>[] {
    return this.#heap.slice()
  }

  clear(): void {
    this.#heap.length = 0
    this.#disarm()
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || first.due >= this.#timerDue) return
    this.#disarm()
    this.#timerDue = first.due
    this.#timer = this.#clock.after(Math.min(LONGEST, Math.max(0, first.due - this.#clock.now())), () => this.#fire())
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#timerDue = Number.POSITIVE_INFINITY
  }

  #fire(): void {
    this.#disarm()
    const now = this.#clock.now()
    for (let slot = this.#heap[0]; slot !== undefined && slot.due <= now; slot = this.#heap[0]) {
      this.remove(slot)
      this.#due(slot)
    }
    this.#arm()
  }

  #up(slot: Slot<M>, start: number): void {
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = this.#heap[parent] as Slot<M>
      if (above.due <= slot.due) break
      this.#put(above, index)
      index = parent
    }
    this.#put(slot, index)
  }

  #down(slot: Slot<M>, start: number): void {
    let index = start
    for (;;) {
      let child = 2 * index + 1
      let below = this.#heap[child]
      if (below === undefined) break
      const right = this.#heap[child + 1]
      if (right !== undefined && right.due < below.due) {
        below = right
        child++
      }
      if (below.due >= slot.due) break
      this.#put(below, index)
      index = child
    }
    this.#put(slot, index)
  }

  #put(slot: Slot<M>, index: number): void {
    this.#heap[index] = slot
    slot.heapIndex = index
  }
}
