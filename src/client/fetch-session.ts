import { errorCodes } from '../protocol/error-codes.ts'
import type { FetchedPartition, FetchPartition } from './low-level-client.ts'

/** Topic ids by name; null: not known. */
export type TopicIds = ReadonlyMap<string, string | null>

/** A partition that is asked for, or no more, with the id of its topic where topics go by their ids. */
export interface Asked {
  readonly partition: FetchPartition
  readonly topicId: string | null
}

/** What one request says. */
export interface SessionAsk {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly asked: readonly Asked[]
  readonly forgotten: readonly Asked[]
  /** Whether it names all that is wanted, so that the answer has to have all of it. */
  readonly full: boolean
}

/** What the broker knows of one partition. */
interface Known {
  asked: Asked
  /** What it told last; null: nothing, or an error. */
  told: FetchedPartition | null
  /** The last request that wanted it, and the last one whose answer had it. */
  round: number
  toldIn: number
}

/** Of a request that makes a session, and of one that is in none. */
const opening = 0
const without = -1

/** What brokers answer when they do not know the session, or not in this way. */
const sessionErrors: ReadonlySet<number> = new Set([
  errorCodes.FETCH_SESSION_ID_NOT_FOUND,
  errorCodes.INVALID_FETCH_SESSION_EPOCH,
  errorCodes.INCONSISTENT_TOPIC_ID,
  errorCodes.FETCH_SESSION_TOPIC_ID_ERROR,
])

/**
 * What a broker remembers of the fetches of one connection (KIP-227): a request only names what is different from the one before, and
 * its answer only what is new. Whatever goes wrong with a request ends the session, as nobody knows what the broker made of it: the
 * next one names everything. So does each request to a broker that has no room for sessions.
 *
 * It is for one request at a time; one that is sent while another is under way goes without a session.
 */
export class FetchSession {
  #id = 0
  /** Of the next request. */
  #epoch = opening
  #byId = false
  #round = 0
  #size = 0
  readonly #topics = new Map<string, Map<number, Known>>()
  #underWay: SessionAsk | null = null

  /** The request that asks for these partitions and no others; `answered` or `failed` follows. `byId`: topics go by their ids. */
  ask(partitions: readonly FetchPartition[], ids: TopicIds, byId: boolean): SessionAsk {
    const topicIds: TopicIds = byId ? ids : new Map()
    if (this.#underWay !== null) return everything(partitions, topicIds, 0, without)
    if (this.#epoch <= 0 || this.#byId !== byId) {
      this.#restart(this.#id)
      this.#byId = byId
      this.#underWay = everything(partitions, topicIds, this.#id, this.#epoch)
    } else {
      this.#underWay = this.#difference(partitions, topicIds)
    }
    return this.#underWay
  }

  /** `sent` was answered with this news. Answers what was told before of those that want to be told it, and is no news. */
  answered(
    sent: SessionAsk,
    partitions: readonly FetchPartition[],
    sessionId: number,
    news: readonly FetchedPartition[],
  ): readonly FetchedPartition[] {
    if (sent !== this.#underWay) return []
    this.#underWay = null
    if (sent.full && sent.sessionEpoch === opening && sessionId > 0) {
      for (const asked of sent.asked) this.#add(asked)
    }
    let sameTopics = true
    for (const fetched of news) {
      const known = this.#topics.get(fetched.topic)?.get(fetched.partition)
      if (known !== undefined) {
        known.told = fetched.error === null ? withoutRecords(fetched) : null
        known.toldIn = this.#round
      }
      if (fetched.error?.code === 'INCONSISTENT_TOPIC_ID') sameTopics = false
    }
    const again = sent.full ? [] : this.#toldAgain(partitions)
    const goesOn = sent.full ? sessionId > 0 : sessionId === this.#id
    if (!goesOn) this.#restart(0)
    else if (!sameTopics) this.#restart(sessionId)
    else this.#goOn(sessionId)
    return again
  }

  /** `sent` was refused with this error, was given up, or its connection ended. Whether it may be sent at once in another way. */
  failed(sent: SessionAsk, errorCode: number | null): boolean {
    const refused = errorCode !== null && sessionErrors.has(errorCode)
    if (sent === this.#underWay) {
      this.#underWay = null
      this.#restart(errorCode === errorCodes.FETCH_SESSION_ID_NOT_FOUND ? 0 : this.#id)
      // This broker knows no sessions at all.
      if (refused && sent.sessionEpoch === opening) this.#epoch = without
    }
    return refused && sent.sessionEpoch !== without
  }

  /** The next request makes a new session, and closes this one. */
  #restart(id: number): void {
    this.#id = id
    if (this.#epoch !== without) this.#epoch = opening
    this.#topics.clear()
    this.#size = 0
  }

  #goOn(id: number): void {
    this.#id = id
    if (this.#epoch !== without) this.#epoch = this.#epoch >= 2 ** 31 - 1 ? 1 : this.#epoch + 1
  }

  #difference(partitions: readonly FetchPartition[], ids: TopicIds): SessionAsk {
    const round = ++this.#round
    const asked: Asked[] = []
    const forgotten: Asked[] = []
    let wanted = 0
    let topic: string | null = null
    let topicId: string | null = null
    let places: Map<number, Known> | undefined
    for (const partition of partitions) {
      if (partition.topic !== topic) {
        topic = partition.topic
        topicId = ids.get(topic) ?? null
        places = this.#topics.get(topic)
      }
      const known = places?.get(partition.partition)
      if (known === undefined) {
        asked.push({ partition, topicId })
        continue
      }
      if (known.round !== round) wanted++
      known.round = round
      if (known.asked.topicId !== topicId) {
        forgotten.push(known.asked)
        known.told = null
      } else if (isSame(known.asked.partition, partition)) continue
      known.asked = { partition, topicId }
      asked.push(known.asked)
    }
    if (wanted < this.#size) this.#forget(round, forgotten)
    for (const each of asked) this.#add(each)
    return { sessionId: this.#id, sessionEpoch: this.#epoch, asked, forgotten, full: false }
  }

  #add(asked: Asked): void {
    const { topic, partition } = asked.partition
    let places = this.#topics.get(topic)
    if (places === undefined) {
      places = new Map()
      this.#topics.set(topic, places)
    }
    if (places.has(partition)) return
    places.set(partition, { asked, told: null, round: this.#round, toldIn: -1 })
    this.#size++
  }

  /** Those that this request does not want any more. */
  #forget(round: number, forgotten: Asked[]): void {
    for (const [topic, places] of this.#topics) {
      for (const [partition, known] of places) {
        if (known.round === round) continue
        forgotten.push(known.asked)
        places.delete(partition)
        this.#size--
      }
      if (places.size === 0) this.#topics.delete(topic)
    }
  }

  #toldAgain(partitions: readonly FetchPartition[]): FetchedPartition[] {
    const again: FetchedPartition[] = []
    for (const { untold, topic, partition } of partitions) {
      const known = untold ? this.#topics.get(topic)?.get(partition) : undefined
      if (known !== undefined && known.told !== null && known.toldIn !== this.#round) again.push(known.told)
    }
    return again
  }
}

function everything(
  partitions: readonly FetchPartition[],
  ids: TopicIds,
  sessionId: number,
  sessionEpoch: number,
): SessionAsk {
  const asked = partitions.map(partition => ({ partition, topicId: ids.get(partition.topic) ?? null }))
  return { sessionId, sessionEpoch, asked, forgotten: [], full: true }
}

function isSame(one: FetchPartition, other: FetchPartition): boolean {
  const same = one.offset === other.offset && one.leaderEpoch === other.leaderEpoch
  return one === other || (same && one.maxBytes === other.maxBytes)
}

/** What is remembered of an answer. */
function withoutRecords(fetched: FetchedPartition): FetchedPartition {
  return { ...fetched, preferredReplica: -1, aborted: [], batches: [], bytes: 0, corrupt: null }
}
