import type { Random } from '../base/random.ts'

/**
 * Where messages go that may go anywhere (KIP-480, KIP-794): all into one partition until that got a batch's worth of bytes, then into
 * another. Partitions whose leaders are slow have more waiting, and are chosen less often.
 */
export class AnyPartition {
  readonly #random: Random
  readonly #batchBytes: number
  #partition = -1
  /** Of which it is one. */
  #partitions: readonly number[] = []
  #left = 0

  constructor(random: Random, batchBytes: number) {
    this.#random = random
    this.#batchBytes = batchBytes
  }

  /** One of these; `load`: how many batches wait for a partition. */
  choose(partitions: readonly number[], load: (partition: number) => number): number {
    if (this.#left <= 0 || this.#partitions !== partitions) {
      this.#partition = this.#draw(partitions, load)
      this.#partitions = partitions
      this.#left = this.#batchBytes
    }
    return this.#partition
  }

  /** So many bytes were added to the partition that was chosen last. */
  used(bytes: number): void {
    this.#left -= bytes
  }

  #draw(partitions: readonly number[], load: (partition: number) => number): number {
    const loads = partitions.map(load)
    const most = loads.reduce((one, other) => Math.max(one, other))
    let at = this.#random() * loads.reduce((sum, each) => sum + most + 1 - each, 0)
    for (const [index, partition] of partitions.entries()) {
      at -= most + 1 - (loads[index] as number)
      if (at < 0) return partition
    }
    return partitions.at(-1) as number
  }
}
