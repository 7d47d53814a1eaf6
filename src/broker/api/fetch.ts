import { errorCodes } from '../../protocol/error-codes.ts'
import type { FetchResponsePartitionData } from '../../protocol/messages.ts'
import type { Encodable } from '../../protocol/shapes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { Isolation } from '../log/log.ts'
import { type Fetched, readPartition, type Wanted, waitingBytes } from './fetched-partition.ts'
import { NamedLeaders, saysWhoLeads } from './leaders.ts'

export const fetchHandlers: Handlers<'Fetch'> = { Fetch: fetch }

/** Versions from which on there are sessions, followers answer, topics go by their ids, and a wrong leader is told the right one. */
const withSessions = 7
const withFollowers = 11
const withIds = 13
const withLeaders = 16
/** From this version on clients know zstd. */
const withZstd = 10
/** A broker of Kafka answers no more, whatever is asked: its `fetch.max.bytes`. */
const maxAnswerBytes = 57_671_680

interface WantedTopic {
  readonly topic: string
  readonly topicId: string
  readonly partitions: readonly Wanted[]
}

function fetch(cluster: Cluster, call: Call<'Fetch'>): Answer<'Fetch'> | Promise<Answer<'Fetch'> | null> {
  const { body, version } = call
  // No session is ever opened, so only requests that need none, or ask for a new one, are understood (KIP-227).
  const full = version < withSessions || body.sessionEpoch === 0 || body.sessionEpoch === -1
  if (!full) return { errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND }
  const request = new FetchRequest(cluster, call)
  if (body.isolationLevel !== 0 && body.isolationLevel !== 1 && request.serves) {
    const errorCode = errorCodes.UNKNOWN_SERVER_ERROR
    return { ...request.answer(() => ({ errorCode })), errorCode }
  }
  const { answer, enough } = request.read()
  return enough ? answer : request.wait(call.gone)
}

class FetchRequest {
  readonly #cluster: Cluster
  readonly #call: Call<'Fetch'>
  readonly #isolation: Isolation
  readonly #maxBytes: number
  readonly #topics: readonly WantedTopic[]
  readonly #minBytes: number

  constructor(cluster: Cluster, call: Call<'Fetch'>) {
    const { body } = call
    this.#cluster = cluster
    this.#call = call
    this.#isolation = body.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
    this.#maxBytes = Math.min(body.maxBytes, maxAnswerBytes)
    this.#minBytes = Math.min(body.minBytes, this.#maxBytes)
    this.#topics = body.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: this.#wanted(topic, topicId, partitions),
    }))
  }

  /** A partition that is named twice counts once, as it was named last. */
  #wanted(topic: string, topicId: string, partitions: Call<'Fetch'>['body']['topics'][number]['partitions']): Wanted[] {
    const { version, node, body } = this.#call
    const { topics } = this.#cluster
    const found = version >= withIds ? topics.byId(topicId) : topics.get(topic)
    const byId = version >= withIds && found === undefined
    const unknown = byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    const replica = Math.max(body.replicaId, body.replicaState.replicaId)
    const last = new Map(partitions.map(each => [each.partition, each]))
    return [...last.values()].map(each => ({
      index: each.partition,
      partition: found?.partitions[each.partition] ?? unknown,
      node,
      // Followers of this cluster have nothing to fetch.
      byFollower: replica >= 0,
      leaderOnly: version < withFollowers,
      knowsZstd: version >= withZstd,
      epoch: each.currentLeaderEpoch,
      offset: each.fetchOffset,
      lastEpoch: each.lastFetchedEpoch,
      maxBytes: each.partitionMaxBytes,
    }))
  }

  /** Whether it names any partition that there is. */
  get serves(): boolean {
    return this.#topics.some(({ partitions }) => partitions.some(({ partition }) => typeof partition === 'object'))
  }

  /** What there is now, and whether that is enough not to wait for more: an error is always. */
  read(): { readonly answer: Answer<'Fetch'>; readonly enough: boolean } {
    let left = this.#maxBytes
    let bytes = 0
    let enough = this.#call.body.maxWaitMs <= 0 || !this.serves
    const answer = this.answer(wanted => {
      const fetched = readPartition(wanted, this.#isolation, Math.min(wanted.maxBytes, left), bytes === 0)
      if (fetched.read === undefined) enough = true
      bytes += fetched.read?.bytes ?? 0
      if (left >= 0) left = Math.max(0, this.#maxBytes - bytes)
      return fetched
    })
    return { answer, enough: enough || bytes >= this.#minBytes }
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
      const read = () => end(() => this.read().answer)
      const left = () => end(() => null)
      let bytes = 0
      for (const wanted of this.#topics.flatMap(({ partitions }) => partitions)) {
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

  answer(fetch: (wanted: Wanted) => Fetched): Answer<'Fetch'> {
    const leaders = new NamedLeaders(this.#cluster)
    const responses = this.#topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(wanted => {
        const fetched = typeof wanted.partition === 'number' ? { errorCode: wanted.partition } : fetch(wanted)
        return this.#partitionData(wanted, fetched, leaders)
      }),
    }))
    return { responses, nodeEndpoints: leaders.endpoints }
  }

  #partitionData(wanted: Wanted, fetched: Fetched, leaders: NamedLeaders): Encodable<FetchResponsePartitionData> {
    const { index: partitionIndex, partition } = wanted
    const { errorCode, read, diverging } = fetched
    if (errorCode !== errorCodes.NONE || typeof partition === 'number') {
      const names = typeof partition === 'object' && this.#call.version >= withLeaders && saysWhoLeads(errorCode)
      return {
        partitionIndex,
        errorCode,
        highWatermark: -1,
        records: [],
        abortedTransactions: typeof partition === 'number' ? [] : null,
        ...(names && { currentLeader: leaders.name(partition) }),
      }
    }
    const { highWatermark, lastStableOffset, startOffset } = partition.log
    return {
      partitionIndex,
      highWatermark,
      lastStableOffset,
      logStartOffset: startOffset,
      records: read?.pieces ?? [],
      abortedTransactions: read?.aborted ?? (this.#isolation === 'read_committed' ? [] : null),
      ...(diverging !== undefined && { divergingEpoch: diverging }),
    }
  }
}
