import type { GroupMember, GroupTopics } from './assignor.ts'

/** In place of a member: no member says to own the partition, or several do and none has the newest generation alone. */
export const NOBODY = -1
export const DISPUTED = -2

interface TopicOwners {
  readonly owner: Int32Array
  /** The newest generation in which the partition was said to be owned. */
  readonly generation: Int32Array
}

/**
 * Who owns what, by what the members say. One that missed a rebalance may still name what another got since: the newer generation is
 * right, and in the same generation neither is. Partitions that do not exist have no owner.
 */
export class Owners {
  readonly #topics = new Map<string, TopicOwners>()

  constructor(members: readonly GroupMember[], topics: GroupTopics) {
    members.forEach(({ owned, generation }, place) => {
      for (const { topic, partition } of owned) {
        const count = topics.get(topic)?.partitions ?? 0
        if (partition >= 0 && partition < count) this.#add(this.#topic(topic, count), partition, place, generation)
      }
    })
  }

  /** The place of the member that owns the partition, else `NOBODY` or `DISPUTED`. */
  of(topic: string, partition: number): number {
    return this.#topics.get(topic)?.owner[partition] ?? NOBODY
  }

  #topic(topic: string, count: number): TopicOwners {
    let found = this.#topics.get(topic)
    if (found === undefined) {
      found = { owner: new Int32Array(count).fill(NOBODY), generation: new Int32Array(count) }
      this.#topics.set(topic, found)
    }
    return found
  }

  #add(topic: TopicOwners, partition: number, place: number, generation: number): void {
    const owner = topic.owner[partition] as number
    const newest = topic.generation[partition] as number
    if (owner === place || (owner !== NOBODY && generation < newest)) return
    topic.owner[partition] = owner !== NOBODY && generation === newest ? DISPUTED : place
    topic.generation[partition] = generation
  }
}
