import { errorCodes } from '../protocol/error-codes.ts'
import type { Call } from './call.ts'
import type { Cluster } from './cluster.ts'
import {
  type FetchedPlace,
  FetchedPlaces,
  FetchSession,
  nextEpoch,
  type ToldPartition,
  versionWithIds,
} from './fetch-session.ts'
import { longestTopicName } from './topic-name.ts'

/** From this version on there are sessions. */
const versionWithSessions = 7
/** A session that was not used for so long gives way to any other, and one that is as old gives way to a larger one. */
const evictableAfterMs = 120_000
/** What clients may make a node keep: partitions of all its sessions, and the length of their names. */
const mostPartitions = 100_000

/** What a request fetches, and how its answer is told. */
export interface FetchContext {
  readonly places: FetchedPlaces
  tell(read: ReadPlaces): Told
}

/** In the order in which they were read. */
export type ReadPlaces = readonly (readonly [FetchedPlace, ToldPartition])[]

export interface Told {
  readonly errorCode: number
  readonly sessionId: number
  readonly read: ReadPlaces
}

/** The fetch sessions of one node (KIP-227). They belong to no connection, and end with their node. */
export class FetchSessions {
  readonly #cluster: Cluster
  /** Those that were used last are last. */
  readonly #sessions = new Map<number, FetchSession>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** What a request is about; an error code when it goes on with a session that is not there, or not in this way. */
  begin(call: Call<'Fetch'>): FetchContext | number {
    const { sessionId, sessionEpoch } = call.body
    if (asksForAll(call)) {
      this.#sessions.delete(sessionId)
      const places = FetchedPlaces.of(call)
      const tell = (read: ReadPlaces) => ({ errorCode: errorCodes.NONE, sessionId: 0, read })
      return sessionEpoch === 0 ? this.#opening(call, places) : { places, tell }
    }
    const session = this.#sessionOf(call)
    return typeof session === 'number' ? session : this.#goOn(call, session)
  }

  /** A request that goes on with a session, with all that this fetches, as one that ends it; others as they are. */
  inFull(call: Call<'Fetch'>): Call<'Fetch'> {
    const session = asksForAll(call) ? 0 : this.#sessionOf(call)
    if (typeof session === 'number') return call
    const places = session.places.with(call)
    const topics = [...places].map(({ topic, topicId, asked }) => ({
      topic: topic ?? '',
      topicId,
      partitions: [asked],
    }))
    return { ...call, body: { ...call.body, sessionEpoch: -1, topics, forgottenTopicsData: [] } }
  }

  /** Topics that the session of a request fetches, as often as it has partitions of them. */
  *topicsOf(call: Call<'Fetch'>): Generator<string> {
    const session = asksForAll(call) ? 0 : this.#sessionOf(call)
    if (typeof session === 'number') return
    for (const { topic } of session.places) if (topic !== null) yield topic
  }

  #sessionOf({ body, version }: Call<'Fetch'>): FetchSession | number {
    const session = this.#sessions.get(body.sessionId)
    if (session === undefined) return errorCodes.FETCH_SESSION_ID_NOT_FOUND
    if (session.epoch !== body.sessionEpoch) return errorCodes.INVALID_FETCH_SESSION_EPOCH
    return session.places.byId === version >= versionWithIds ? session : errorCodes.FETCH_SESSION_TOPIC_ID_ERROR
  }

  /** A session is made when its first answer is there, if there is room for it then. */
  #opening(call: Call<'Fetch'>, places: FetchedPlaces): FetchContext {
    return {
      places,
      tell: read => {
        for (const [place, told] of read) place.tell(told)
        return { errorCode: errorCodes.NONE, sessionId: this.#open(call, places), read }
      },
    }
  }

  #open(call: Call<'Fetch'>, places: FetchedPlaces): number {
    const { clock, config, random } = this.#cluster
    const now = clock.now()
    const slots = config.number('max.incremental.fetch.session.cache.slots')
    if (!this.#fits(call, places.size)) return 0
    if (this.#sessions.size >= slots && !this.#evict(places.size, now)) return 0
    let id = 0
    while (id === 0 || this.#sessions.has(id)) id = Math.floor(random() * (2 ** 31 - 1)) + 1
    this.#sessions.set(id, new FetchSession(id, places, now))
    return id
  }

  #goOn(call: Call<'Fetch'>, session: FetchSession): FetchContext | number {
    const { id, places } = session
    const before = places.size
    places.update(call)
    this.#sessions.delete(id)
    if (places.size === 0) return { places, tell: read => ({ errorCode: errorCodes.NONE, sessionId: 0, read }) }
    if (places.size > before && !this.#fits(call, places.size)) return errorCodes.FETCH_SESSION_ID_NOT_FOUND
    this.#sessions.set(id, session)
    session.usedAt = this.#cluster.clock.now()
    session.epoch = nextEpoch(session.epoch)
    const { epoch } = session
    const tell = (read: ReadPlaces): Told => {
      // Somebody else went on with it while this request waited.
      if (session.epoch !== epoch) {
        return { errorCode: errorCodes.INVALID_FETCH_SESSION_EPOCH, sessionId: id, read: [] }
      }
      const news = read.filter(([place, told]) => place.tell(told))
      for (const [place, told] of news) if (told.records.length > 0) places.putLast(place)
      return { errorCode: errorCodes.NONE, sessionId: id, read: news }
    }
    return { places, tell }
  }

  #fits({ body }: Call<'Fetch'>, size: number): boolean {
    if (body.topics.some(({ topic }) => topic.length > longestTopicName)) return false
    let partitions = size
    for (const { places } of this.#sessions.values()) partitions += places.size
    return partitions <= mostPartitions
  }

  /** Makes room for a session of this size, as Kafka does: in place of one that nobody seems to use, or of an old one that is smaller. */
  #evict(size: number, now: number): boolean {
    const [leastUsed] = this.#sessions.values()
    const stale = leastUsed !== undefined && now - leastUsed.usedAt > evictableAfterMs
    let chosen = stale ? leastUsed : undefined
    for (const session of stale ? [] : this.#sessions.values()) {
      const evictable = now - session.createdAt > evictableAfterMs && session.places.size < size
      if (evictable && session.places.size < (chosen?.places.size ?? size)) chosen = session
    }
    return chosen !== undefined && this.#sessions.delete(chosen.id)
  }
}

function asksForAll({ version, body }: Call<'Fetch'>): boolean {
  return version < versionWithSessions || body.sessionEpoch === 0 || body.sessionEpoch === -1
}
