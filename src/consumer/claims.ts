import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { Claim } from './claim.ts'

/** The claims of a consumer by their partition, and which partitions the user has paused, owned or not. */
export class Claims implements Iterable<Claim> {
  readonly #claims = new Map<string, Claim>()
  readonly #paused = new Set<string>()
  /** Whether partitions that are not named are paused. */
  #allPaused = false

  get(topic: string, partition: number): Claim | undefined {
    return this.#claims.get(partitionName(topic, partition))
  }

  [Symbol.iterator](): Iterator<Claim> {
    return this.#claims.values()
  }

  add(claim: Claim): void {
    this.#claims.set(partitionName(claim.topic, claim.partition), claim)
  }

  remove(claim: Claim): void {
    this.#claims.delete(partitionName(claim.topic, claim.partition))
  }

  /** The claims of these partitions, as far as they are owned. */
  of(partitions: readonly TopicPartition[]): Claim[] {
    return partitions.flatMap(({ topic, partition }) => this.get(topic, partition) ?? [])
  }

  isPaused(topic: string, partition: number): boolean {
    return this.#paused.has(partitionName(topic, partition)) !== this.#allPaused
  }

  /** Pauses or resumes these, or all there are and will be. Answers the claims that changed. */
  setPaused(paused: boolean, partitions: readonly TopicPartition[] | undefined): Claim[] {
    if (partitions === undefined) {
      this.#paused.clear()
      this.#allPaused = paused
    }
    for (const { topic, partition } of partitions ?? []) {
      const name = partitionName(topic, partition)
      // Named are those that differ from the rest.
      if (paused === this.#allPaused) this.#paused.delete(name)
      else this.#paused.add(name)
    }
    const changed = [...this].filter(claim => claim.paused !== this.isPaused(claim.topic, claim.partition))
    for (const claim of changed) claim.paused = !claim.paused
    return changed
  }
}
