/** More leaders than that came and went below one message that is not done: the oldest are not told apart any more. */
const MOST_KEPT = 64

interface EpochStart {
  readonly epoch: number
  /** First offset of the epoch. */
  readonly from: number
}

/**
 * Leader epochs of one partition, from the lowest offset that is not done to the position: few, because leaders change rarely. What is
 * committed needs the epoch of the last record below it, so that a later start notices when that record is no longer in the log
 * (KIP-320). -1 stands for an epoch that is not known.
 */
export class Epochs {
  /** Of what lies below the first start. */
  #lowest = -1
  /** Where that epoch began. */
  #lowestFrom = -1
  #latest = -1
  readonly #starts: EpochStart[] = []

  /** The epoch that began last. */
  get latest(): number {
    return this.#latest
  }

  /** Records from this offset on have this epoch; what was known of them before no longer holds. */
  begin(epoch: number, from: number): void {
    const starts = this.#starts
    for (let last = starts.at(-1); last !== undefined && last.from >= from; last = starts.at(-1)) starts.pop()
    starts.push({ epoch, from })
    this.#latest = epoch
    if (starts.length > MOST_KEPT) this.#merge()
  }

  /** The epoch of the last record below this offset. What lies below those asked for before is forgotten, and -1. */
  below(offset: number): number {
    const starts = this.#starts
    for (let first = starts[0]; first !== undefined && first.from < offset; first = starts[0]) {
      starts.shift()
      this.#lowest = first.epoch
      this.#lowestFrom = first.from
    }
    return offset > this.#lowestFrom ? this.#lowest : -1
  }

  /** Makes the two oldest one. The later epoch at worst hides that records are gone; the earlier would miss some that are not. */
  #merge(): void {
    const [first, second] = this.#starts as [EpochStart, EpochStart]
    this.#starts.splice(0, 2, { epoch: second.epoch, from: first.from })
  }
}
