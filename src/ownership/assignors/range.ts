import type { TopicPartition } from '../../base/topic-partition.ts'
import {
  type Assignor,
  compareText,
  type GroupMember,
  inOrder,
  type SubscribedTopic,
  subscribedTopics,
} from './assignor.ts'
import { memberRacks, racksMatter } from './racks.ts'

/**
 * Cuts each topic into ranges, the first members getting one partition more where it does not come out even. Members then own the same
 * partitions of topics that have as many partitions and the same subscribers. Where racks matter, a member gets partitions with a
 * replica on its own rack first, as far as both these promises allow (KIP-881).
 */
export const range: Assignor = {
  name: 'range',
  protocol: 'eager',
  assign(members, topics) {
    const sorted = inOrder(members)
    const assigned: TopicPartition[][] = sorted.map(() => [])
    const ranges = subscribedTopics(sorted, topics).map(topic => new TopicRanges(topic, sorted, assigned))
    if (ranges.some(each => each.racksMatter)) assignByRack(ranges)
    for (const each of ranges) each.fill(() => true)
    return new Map(sorted.map(({ id }, place) => [id, (assigned[place] ?? []).sort(byTopicAndNumber)]))
  },
}

/** Topics that are alike are assigned together; where one is like no other, racks have to matter to itself. */
function assignByRack(ranges: readonly TopicRanges[]): void {
  for (const alike of Map.groupBy(ranges, each => each.likeness).values()) {
    const first = alike[0] as TopicRanges
    if (alike.length > 1) assignAlike(first, alike)
    else if (first.racksMatter) first.fill((place, partition) => first.near(place, partition))
  }
}

/** A partition goes to the first member that has it on its rack in all of these topics, and has room. */
function assignAlike(first: TopicRanges, alike: readonly TopicRanges[]): void {
  for (let partition = 0; partition < first.rackCount; partition++) {
    const place = first.subscribers.find(
      each => first.room(each) > 0 && alike.every(topic => topic.near(each, partition)),
    )
    if (place === undefined) continue
    for (const topic of alike) topic.give(place, partition)
  }
}

/** How one topic is divided. Members are known by their places. */
class TopicRanges {
  readonly subscribers: readonly number[]
  readonly racksMatter: boolean
  /** The same for topics with as many partitions and the same subscribers. */
  readonly likeness: string
  readonly #topic: string
  readonly #members: readonly GroupMember[]
  readonly #assigned: readonly TopicPartition[][]
  /** Racks by partition; none when no subscriber tells its own. */
  readonly #racks: readonly ReadonlySet<string>[]
  readonly #given: Int32Array
  /** What each subscriber gets at least. */
  readonly #share: number
  /** How many more subscribers get one partition above that. */
  #extra: number
  /** 1 for each partition that was given. */
  readonly #taken: Uint8Array
  /** All before this partition were given. */
  #first = 0

  constructor(
    { topic, partitions, racks, subscribers }: SubscribedTopic,
    members: readonly GroupMember[],
    assigned: readonly TopicPartition[][],
  ) {
    this.#topic = topic
    this.subscribers = subscribers
    this.#members = members
    this.#assigned = assigned
    this.#given = new Int32Array(members.length)
    this.#share = Math.floor(partitions / subscribers.length)
    this.#extra = partitions % subscribers.length
    this.#taken = new Uint8Array(partitions)
    const own = memberRacks(subscribers.map(place => members[place] as GroupMember))
    this.#racks = own.size === 0 ? [] : Array.from(this.#taken, (_, partition) => new Set(racks?.[partition]))
    this.racksMatter = racksMatter(own, this.#racks)
    this.likeness = `${this.#racks.length} ${subscribers}`
  }

  get rackCount(): number {
    return this.#racks.length
  }

  /** Whether a replica is on the member's rack; true for one that tells none. */
  near(place: number, partition: number): boolean {
    const rack = this.#members[place]?.rack
    return !rack || (this.#racks[partition]?.has(rack) ?? false)
  }

  /** How many partitions more a member may get. */
  room(place: number): number {
    return Math.max(0, this.#share + (this.#extra > 0 ? 1 : 0) - (this.#given[place] as number))
  }

  give(place: number, partition: number): void {
    this.#assigned[place]?.push({ topic: this.#topic, partition })
    this.#taken[partition] = 1
    const given = (this.#given[place] as number) + 1
    this.#given[place] = given
    if (given > this.#share) this.#extra--
  }

  /** Gives each subscriber in turn the first partitions that it may have, up to its share. */
  fill(may: (place: number, partition: number) => boolean): void {
    for (const place of this.subscribers) {
      while (this.#taken[this.#first] === 1) this.#first++
      let room = this.room(place)
      for (let partition = this.#first; room > 0 && partition < this.#taken.length; partition++) {
        if (this.#taken[partition] === 1 || !may(place, partition)) continue
        this.give(place, partition)
        room--
      }
    }
  }
}

function byTopicAndNumber(a: TopicPartition, b: TopicPartition): number {
  return compareText(a.topic, b.topic) || a.partition - b.partition
}
