import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { FetchedPlace, ToldPartition } from '../fetch-session.ts'
import type { FetchContext } from '../fetch-sessions.ts'
import type { Isolation } from '../log/log.ts'
import type { Partition } from '../partition.ts'
import { type Fetched, readPartition, type Wanted, waitingBytes } from './fetched-partition.ts'
import { NamedLeaders, saysWhoLeads } from './leaders.ts'

export const fetchHandlers: Handlers<'Fetch'> = { Fetch: fetch }

/** Versions from which on followers answer, and a wrong leader is told the right one. */
const withFollowers = 11
const withLeaders = 16
/** From this version on clients know zstd. */
const withZstd = 10
/** A broker of Kafka answers no more, whatever is asked: its `fetch.max.bytes`. */
const maxAnswerBytes = 57_671_680

function fetch(cluster: Cluster, call: Call<'Fetch'>): Answer<'Fetch'> | Promise<Answer<'Fetch'> | null> {
  const context = cluster.fetchSessions(call.node).begin(call)
  if (typeof context === 'number') return { errorCode: context }
  const { body } = call
  const request = new FetchRequest(cluster, call, context)
  if (body.isolationLevel !== 0 && body.isolationLevel !== 1 && request.serves) {
    const errorCode = errorCodes.UNKNOWN_SERVER_ERROR
    return { ...request.answer([]), errorCode }
  }
  const { answer, enough } = request.read()
  return enough ? answer() : request.wait(call.gone)
}

class FetchRequest {
  readonly #cluster: Cluster
  readonly #call: Call<'Fetch'>
  readonly #context: FetchContext
  readonly #isolation: Isolation
  readonly #maxBytes: number
  readonly #wanted: readonly Wanted[]
  readonly #minBytes: number

  constructor(cluster: Cluster, call: Call<'Fetch'>, context: FetchContext) {
    const { body } = call
    this.#cluster = cluster
    this.#call = call
    this.#context = context
    this.#isolation = body.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
    this.#maxBytes = Math.min(body.maxBytes, maxAnswerBytes)
    this.#minBytes = Math.min(body.minBytes, this.#maxBytes)
    this.#wanted = Array.from(context.places, place => this.#wantedOf(place))
  }

  #wantedOf(place: FetchedPlace): Wanted {
    const { version, node, body } = this.#call
    const { asked } = place
    return {
      place,
      partition: this.#find(place),
      node,
      // Followers of this cluster have nothing to fetch.
      byFollower: Math.max(body.replicaId, body.replicaState.replicaId) >= 0,
      leaderOnly: version < withFollowers,
      rack: body.rackId,
      knowsZstd: version >= withZstd,
      epoch: asked.currentLeaderEpoch,
      offset: asked.fetchOffset,
      lastEpoch: asked.lastFetchedEpoch,
      maxBytes: asked.partitionMaxBytes,
    }
  }

  /** The partition, or an error code. Whether the client may read it counts before whether it is there. */
  #find(place: FetchedPlace): Partition | number {
    const found = place.find(this.#cluster)
    const { topic } = place
    const mayRead = topic === null || this.#cluster.acls.allows(this.#call, 'Read', 'topic', topic)
    return mayRead ? found : errorCodes.TOPIC_AUTHORIZATION_FAILED
  }

  /** Whether it names any partition that there is. */
  get serves(): boolean {
    return !this.#wanted.every(isMissing)
  }

  /** What there is now, and whether that is enough not to wait for more: an error is always. */
  read(): { readonly answer: () => Answer<'Fetch'>; readonly enough: boolean } {
    let left = this.#maxBytes
    let bytes = 0
    let enough = this.#call.body.maxWaitMs <= 0 || !this.serves
    const read = this.#wanted.map(wanted => {
      if (typeof wanted.partition === 'number') {
        enough ||= wanted.partition === errorCodes.INCONSISTENT_TOPIC_ID
        return { errorCode: wanted.partition }
      }
      const fetched = readPartition(wanted, this.#isolation, Math.min(wanted.maxBytes, left), bytes === 0)
      if (fetched.read === undefined) enough = true
      bytes += fetched.read?.bytes ?? 0
      if (left >= 0) left = Math.max(0, this.#maxBytes - bytes)
      return fetched
    })
    return { answer: () => this.answer(read), enough: enough || bytes >= this.#minBytes }
  }

  /** Reads again as soon as there is enough, something else to tell, or the time is over. Null: the client is gone. */
  wait(gone: AbortSignal): Promise<Answer<'Fetch'> | null> {
    return new Promise(resolve => {
      const ends: (() => void)[] = []
      const end = (answer: () => Answer<'Fetch'> | null) => {
        if (ends.length === 0) return
        for (const each of ends.splice(0)) each()
        resolve(answer())
      }
      const read = () => end(() => this.read().answer())
      const left = () => end(() => null)
      let bytes = 0
      for (const wanted of this.#wanted) {
        if (typeof wanted.partition === 'number') continue
        let last = waitingBytes(wanted, this.#isolation)
        bytes += last
        const look = () => {
          const now = waitingBytes(wanted, this.#isolation)
          bytes += now - last
          last = now
          // One request may append to several of the partitions: all of it is read at once.
          if (bytes >= this.#minBytes) queueMicrotask(read)
        }
        ends.push(wanted.partition.watch(look))
      }
      const timer = this.#cluster.clock.after(this.#call.body.maxWaitMs, read)
      gone.addEventListener('abort', left, { once: true })
      ends.push(
        () => timer.cancel(),
        () => gone.removeEventListener('abort', left),
      )
    })
  }

  /** In the order in which partitions were read; those of a topic that follow each other are together. */
  answer(read: readonly Fetched[]): Answer<'Fetch'> {
    const leaders = new NamedLeaders(this.#cluster)
    const all = this.#wanted.map((wanted, at) => {
      const fetched = read[at] ?? { errorCode: errorCodes.UNKNOWN_SERVER_ERROR }
      return [wanted.place, this.#partitionData(wanted, fetched, leaders)] as const
    })
    const told = this.#context.tell(all)
    const responses: { topic: string; topicId: string; partitions: ToldPartition[] }[] = []
    for (const [{ topic, topicId }, data] of told.read) {
      const last = responses.at(-1)
      if (last !== undefined && last.topic === (topic ?? '') && last.topicId === topicId) last.partitions.push(data)
      else responses.push({ topic: topic ?? '', topicId, partitions: [data] })
    }
    return { errorCode: told.errorCode, sessionId: told.sessionId, responses, nodeEndpoints: leaders.endpoints }
  }

  #partitionData(wanted: Wanted, fetched: Fetched, leaders: NamedLeaders): ToldPartition {
    const { partition } = wanted
    const partitionIndex = wanted.place.index
    const { errorCode, read, diverging, preferred } = fetched
    if (errorCode !== errorCodes.NONE || typeof partition === 'number') {
      const names = typeof partition === 'object' && this.#call.version >= withLeaders && saysWhoLeads(errorCode)
      return {
        partitionIndex,
        errorCode,
        highWatermark: -1,
        records: [],
        abortedTransactions: isMissing(wanted) ? [] : null,
        ...(names && { currentLeader: leaders.name(partition) }),
      }
    }
    const { lastStableOffset, startOffset } = partition.log
    const highWatermark = partition.highWatermarkOf(this.#call.node)
    return {
      partitionIndex,
      highWatermark,
      lastStableOffset: Math.min(lastStableOffset, highWatermark),
      logStartOffset: startOffset,
      records: read?.pieces ?? [],
      abortedTransactions: read?.aborted ?? (this.#isolation === 'read_committed' ? [] : null),
      ...(diverging !== undefined && { divergingEpoch: diverging }),
      ...(preferred !== undefined && { preferredReadReplica: preferred }),
    }
  }
}

/** Kafka does not look for such a partition on the node. */
function isMissing({ partition }: Wanted): boolean {
  return typeof partition === 'number' && partition !== errorCodes.INCONSISTENT_TOPIC_ID
}
