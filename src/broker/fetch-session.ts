import { errorCodes } from '../protocol/error-codes.ts'
import type { FetchRequest, FetchResponsePartitionData } from '../protocol/messages.ts'
import type { Decoded, Encodable } from '../protocol/shapes.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import type { Call } from './call.ts'
import type { Cluster } from './cluster.ts'
import type { Partition } from './partition.ts'

type AskedTopic = Decoded<FetchRequest>['topics'][number]
/** What a request says of one partition. */
export type AskedPartition = AskedTopic['partitions'][number]
/** What is answered for one partition. */
export type ToldPartition = Encodable<FetchResponsePartitionData> & { readonly records: readonly Uint8Array[] }

/** From this version on requests name topics by their ids (KIP-516). */
export const versionWithIds = 13

/** A partition that is fetched: what was asked for last, and what was told of it. */
export class FetchedPlace {
  /** That of no topic where requests name topics. */
  readonly topicId: string
  readonly index: number
  /** The latest. */
  asked: AskedPartition
  #topic: string | null
  #toldWatermark = -1
  #toldStart = -1

  constructor(topic: string | null, topicId: string, asked: AskedPartition) {
    this.#topic = topic
    this.topicId = topicId
    this.index = asked.partition
    this.asked = asked
  }

  copy(): FetchedPlace {
    return new FetchedPlace(this.#topic, this.topicId, this.asked)
  }

  /** Null for an id that no topic has had so far. */
  get topic(): string | null {
    return this.#topic
  }

  /** The partition as it is now, or an error code where there is none. */
  find({ topics }: Cluster): Partition | number {
    if (this.#topic === null) {
      const found = topics.byId(this.topicId)
      if (found === undefined) return errorCodes.UNKNOWN_TOPIC_ID
      this.#topic = found.name
    }
    const found = topics.get(this.#topic)
    const partition = found?.partitions[this.index]
    if (found === undefined || partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    return this.topicId === zeroUuid || this.topicId === found.id ? partition : errorCodes.INCONSISTENT_TOPIC_ID
  }

  /** Whether what is to be told is news; then it counts as told. */
  tell(told: ToldPartition): boolean {
    const { errorCode = 0, highWatermark = -1, logStartOffset = -1, records, preferredReadReplica = -1 } = told
    const failed = errorCode !== errorCodes.NONE || told.divergingEpoch !== undefined
    const moved = highWatermark !== this.#toldWatermark || logStartOffset !== this.#toldStart
    // After an error all is news again.
    this.#toldWatermark = failed ? -1 : highWatermark
    this.#toldStart = logStartOffset
    return failed || moved || preferredReadReplica >= 0 || records.length > 0
  }
}

/** Partitions in the order in which they are read, found by what requests call them. */
export class FetchedPlaces implements Iterable<FetchedPlace> {
  /** Whether requests name topics by their ids. */
  readonly byId: boolean
  readonly #places: Map<string, FetchedPlace>

  private constructor(byId: boolean, places: Iterable<[string, FetchedPlace]> = []) {
    this.byId = byId
    this.#places = new Map(places)
  }

  /** Those that a request names; of one that is named twice, what was said last counts. */
  static of(call: Call<'Fetch'>): FetchedPlaces {
    const places = new FetchedPlaces(call.version >= versionWithIds)
    places.#ask(call)
    return places
  }

  get size(): number {
    return this.#places.size
  }

  [Symbol.iterator](): Iterator<FetchedPlace> {
    return this.#places.values()
  }

  /** These, and what a request says about them. */
  with(call: Call<'Fetch'>): FetchedPlaces {
    const copies = [...this.#places].map(([key, place]): [string, FetchedPlace] => [key, place.copy()])
    const places = new FetchedPlaces(this.byId, copies)
    places.update(call)
    return places
  }

  /** What is asked for anew, otherwise, and no more. */
  update(call: Call<'Fetch'>): void {
    this.#ask(call)
    for (const { topic, topicId, partitions } of call.body.forgottenTopicsData) {
      for (const index of partitions) this.#places.delete(this.#keyOf(topic, topicId, index))
    }
  }

  #ask({ body }: Call<'Fetch'>): void {
    for (const { topic, topicId, partitions } of body.topics) {
      for (const asked of partitions) {
        const key = this.#keyOf(topic, topicId, asked.partition)
        const known = this.#places.get(key)
        if (known !== undefined) known.asked = asked
        else if (this.byId) this.#places.set(key, new FetchedPlace(null, topicId, asked))
        else this.#places.set(key, new FetchedPlace(topic, zeroUuid, asked))
      }
    }
  }

  /** It is read after all others next time. */
  putLast(place: FetchedPlace): void {
    const key = this.#keyOf(place.topic ?? '', place.topicId, place.index)
    if (this.#places.delete(key)) this.#places.set(key, place)
  }

  #keyOf(topic: string, topicId: string, index: number): string {
    return `${index} ${this.byId ? topicId : topic}`
  }
}

/** What one client fetches again and again (KIP-227): it only says what is different, and is only told news. */
export class FetchSession {
  readonly id: number
  readonly places: FetchedPlaces
  readonly createdAt: number
  usedAt: number
  /** That the next request has to have. */
  epoch = 1

  constructor(id: number, places: FetchedPlaces, now: number) {
    this.id = id
    this.places = places
    this.createdAt = this.usedAt = now
  }
}

/** 0 is the epoch of a session that is to be made. */
export function nextEpoch(epoch: number): number {
  return epoch >= 2 ** 31 - 1 ? 1 : epoch + 1
}
