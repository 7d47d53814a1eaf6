import { MillraceError } from '../base/errors.ts'
import type { DoneRange } from './gap-codec.ts'

const FIRST_CAPACITY = 256
const KEPT_CAPACITY = 4_096

/**
 * What is done of one claim: a ring of slots in the order of delivery. What does not exist in the log (compaction, transaction
 * markers) takes no slot and so cannot hold the mark back.
 *
 * The ring grows up to `ringLimit` slots. When it is full then, the older half leaves it: done slots are forgotten, open ones
 * move to a map. So memory follows the number of open messages, and one that stays open for hours costs nothing while the rest
 * of the partition passes.
 *
 * ```
 *            moved (a map)             ring: head … tail
 *   ──────┬──────────────────────┬──────────────────────────┬───
 *    done │ open ones, in order  │ open, done, done, open … │ next slot
 *         └ the mark: lowest open slot
 * ```
 *
 * While nothing is moved, `head` is the lowest open slot itself.
 */
export class Progress {
  readonly #ringLimit: number
  #offsets: Float64Array
  #done: Uint8Array
  #mask: number
  #head = 0
  #tail = 0
  #last = -1
  #open = 0
  #runs = 0
  /** Slot to offset, in rising order: slots are only ever appended. */
  readonly #moved = new Map<number, number>()
  #lowestMoved = -1
  /** Stands behind `#lowestMoved`, so that finding the next one never looks at the deleted ones again. */
  #walk: Iterator<number, undefined> | null = null

  /** `ringLimit`: the most slots that the ring may have, a power of two. Default 65,536 (576 kB). */
  constructor(ringLimit = 65_536) {
    this.#ringLimit = ringLimit
    const capacity = Math.min(FIRST_CAPACITY, ringLimit)
    this.#offsets = new Float64Array(capacity)
    this.#done = new Uint8Array(capacity)
    this.#mask = capacity - 1
  }

  /** Begins to track the message at `offset`, which is above all before it; the answer is its slot. */
  add(offset: number): number {
    if (offset <= this.#last) throw this.#misuse(`offset ${offset} was added after ${this.#last}`)
    this.#last = offset
    if (this.#tail - this.#head > this.#mask) this.#makeRoom()
    const slot = this.#tail
    const index = slot & this.#mask
    this.#offsets[index] = offset
    this.#done[index] = 0
    this.#open++
    this.#tail = slot + 1
    return slot
  }

  /** The message in this slot is done. Once per slot: a second time throws and changes nothing. */
  settle(slot: number): void {
    const head = this.#head
    if (!(slot >= head && slot < this.#tail)) {
      this.#settleMoved(slot)
      return
    }
    const done = this.#done
    const mask = this.#mask
    if (done[slot & mask] === 1) throw this.#misuse(`slot ${slot} was settled twice`)
    done[slot & mask] = 1
    this.#open--
    const next = slot + 1 < this.#tail ? (done[(slot + 1) & mask] as number) : 0
    if (slot !== head) {
      this.#runs += 1 - next - (done[(slot - 1) & mask] as number)
      return
    }
    if (this.#moved.size === 0) this.#runs -= next
    else this.#runs += 1 - next - (this.#moved.has(slot - 1) ? 0 : 1)
    this.#advance()
  }

  /** Offset of the lowest message that is not done; -1 when all are. */
  get lowest(): number {
    if (this.#moved.size > 0) return this.#moved.get(this.#lowestMoved) as number
    return this.#head < this.#tail ? (this.#offsets[this.#head & this.#mask] as number) : -1
  }

  /** How many messages are not done. */
  get open(): number {
    return this.#open
  }

  /** Stretches of done messages above the lowest open one: what a commit would have to remember beside its offset. */
  get runs(): number {
    return this.#runs
  }

  /** Offset of the highest message; -1: there was none. */
  get last(): number {
    return this.#last
  }

  /** How many were ever settled. */
  get settled(): number {
    return this.#tail - this.#open
  }

  /** Stretches of offsets above the lowest open message in which all are done, rising. */
  doneRanges(): DoneRange[] {
    const ranges: DoneRange[] = []
    let behind = -1
    let offset = -1
    const open = (slot: number, at: number) => {
      if (offset >= 0 && slot > behind) ranges.push({ from: offset + 1, to: at })
      behind = slot + 1
      offset = at
    }
    for (const [slot, at] of this.#moved) open(slot, at)
    for (let slot = this.#nextOpen(this.#head); slot < this.#tail; slot = this.#nextOpen(slot + 1)) {
      open(slot, this.#offsets[slot & this.#mask] as number)
    }
    open(this.#tail, this.#last + 1)
    return ranges
  }

  /** Offsets of the messages that are not done, rising. */
  *openOffsets(): Generator<number, void, void> {
    yield* this.#moved.values()
    for (let slot = this.#head; slot < this.#tail; slot++) {
      if (this.#done[slot & this.#mask] === 0) yield this.#offsets[slot & this.#mask] as number
    }
  }

  /** Moves `head` over what is done. A big ring goes once it is empty; what it took to grow it has paid for that. */
  #advance(): void {
    const done = this.#done
    const mask = this.#mask
    const tail = this.#tail
    let head = this.#head
    while (head < tail && done[head & mask] === 1) head++
    this.#head = head
    if (head === tail && mask >= KEPT_CAPACITY) this.#resize(FIRST_CAPACITY)
  }

  /** The first open slot of the ring from this one on; the tail when there is none. */
  #nextOpen(slot: number): number {
    for (let from = slot; from < this.#tail; ) {
      const index = from & this.#mask
      const end = Math.min(this.#mask + 1, index + this.#tail - from)
      // Quick over long stretches: one that is stuck has many done ones behind it.
      const found = this.#done.indexOf(0, index)
      if (found >= 0 && found < end) return from + found - index
      from += end - index
    }
    return this.#tail
  }

  #settleMoved(slot: number): void {
    if (!this.#moved.delete(slot)) throw this.#misuse(`slot ${slot} is not open`)
    this.#open--
    const next = this.#isDone(slot + 1) ? 1 : 0
    if (slot === this.#lowestMoved) {
      this.#runs -= next
      this.#lowestMoved = this.#walk?.next().value ?? -1
    } else {
      this.#runs += 1 - next - (this.#isDone(slot - 1) ? 1 : 0)
    }
  }

  #isDone(slot: number): boolean {
    if (slot < this.#head) return !this.#moved.has(slot)
    return slot < this.#tail && this.#done[slot & this.#mask] === 1
  }

  #makeRoom(): void {
    const capacity = this.#mask + 1
    if (capacity < this.#ringLimit) {
      this.#resize(capacity * 2)
      return
    }
    const end = this.#head + capacity / 2
    for (let slot = this.#head; slot < end; slot++) {
      if (this.#done[slot & this.#mask] === 0) this.#moved.set(slot, this.#offsets[slot & this.#mask] as number)
    }
    this.#head = end
    if (this.#lowestMoved === -1) {
      this.#walk = this.#moved.keys()
      this.#lowestMoved = this.#walk.next().value ?? -1
    }
    this.#advance()
  }

  #resize(capacity: number): void {
    const offsets = new Float64Array(capacity)
    const done = new Uint8Array(capacity)
    const mask = capacity - 1
    for (let slot = this.#head; slot < this.#tail; slot++) {
      offsets[slot & mask] = this.#offsets[slot & this.#mask] as number
      done[slot & mask] = this.#done[slot & this.#mask] as number
    }
    this.#offsets = offsets
    this.#done = done
    this.#mask = mask
  }

  #misuse(what: string): MillraceError {
    return new MillraceError('PROGRESS', `Progress was used wrongly: ${what}; this is a bug of its caller`)
  }
}
