import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { FetchResponse, FetchResponsePartitionData, Requests } from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import { splitBatches } from '../records/split-batches.ts'
import type { Question } from './call.ts'
import type { Asked, FetchSession, SessionAsk, TopicIds } from './fetch-session.ts'
import type { Link } from './link.ts'
import type { FetchAnswer, FetchedPartition, FetchPartition, FetchQuery } from './low-level-client.ts'

/** From this version on, Fetch names topics by id (KIP-516). */
const versionWithIds = 13
const noReplica = -1

export interface FetchCall {
  readonly query: FetchQuery
  /** Of the topics: by name where one is missing. */
  readonly ids: TopicIds
  readonly link: Link
  /** What the broker remembers of this connection. */
  readonly session: FetchSession
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * A fetch of raw record batches (https://kafka.apache.org/protocol#The_Messages_Fetch). Where the broker does not know the session, all
 * is asked for at once.
 */
export async function fetchBatches(call: FetchCall): Promise<FetchAnswer> {
  const { link, session, clock, timeoutMs } = call
  const deadline = clock.now() + timeoutMs
  for (;;) {
    const attempt = new Attempt(call)
    try {
      return await link.send(attempt.question(Math.max(1, deadline - clock.now())))
    } catch (thrown) {
      const code = thrown instanceof KafkaError ? thrown.errorCode : null
      if (attempt.sent === null || !session.failed(attempt.sent, code)) throw thrown
    }
  }
}

/** One request of a call. */
class Attempt {
  readonly #call: FetchCall
  /** Null: nothing was sent yet. */
  sent: SessionAsk | null = null

  constructor(call: FetchCall) {
    this.#call = call
  }

  /** The batches are copied out while the answer is read, so nothing of the frame is kept. */
  question(timeoutMs: number): Question<'Fetch', FetchAnswer> {
    const { ids, signal } = this.#call
    const named = [...ids.values()].some(id => id === null)
    return {
      name: 'Fetch',
      body: version => this.#body(version >= versionWithIds),
      read: (answer, version) => this.#read(answer, version >= versionWithIds),
      maxVersion: named ? versionWithIds - 1 : undefined,
      timeoutMs,
      signal,
    }
  }

  #body(byId: boolean): Requests['Fetch'] {
    const { query, ids, session } = this.#call
    this.sent = session.ask(query.partitions, ids, byId)
    const { sessionId, sessionEpoch, asked, forgotten } = this.sent
    return {
      replicaId: noReplica,
      maxWaitMs: query.maxWaitMs,
      minBytes: query.minBytes,
      maxBytes: query.maxBytes,
      rackId: query.rack ?? '',
      isolationLevel: query.isolation === 'read_committed' ? 1 : 0,
      sessionId,
      sessionEpoch,
      topics: byTopic(asked, byId, ({ partition, offset, leaderEpoch, maxBytes }) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: offset,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes: maxBytes,
      })),
      forgottenTopicsData: byTopic(forgotten, byId, ({ partition }) => partition),
    }
  }

  #read(answer: FetchResponse, byId: boolean): FetchAnswer {
    const error = kafkaError(answer.errorCode, 'fetching')
    if (error !== null) throw error
    const { query, ids, session } = this.#call
    const names = new Map<string, string>()
    if (byId) for (const [topic, id] of ids) if (id !== null) names.set(id, topic)
    const partitions: FetchedPartition[] = []
    for (const entry of answer.responses) {
      const topic = byId ? names.get(entry.topicId) : entry.topic
      // What was not asked for is not looked at.
      if (topic === undefined) continue
      for (const data of entry.partitions) partitions.push(readPartition(topic, data))
    }
    const sent = this.sent as SessionAsk
    if (sent.full && partitions.length < sent.asked.length) partitions.push(...lacking(query, partitions))
    partitions.push(...session.answered(sent, query.partitions, answer.sessionId, partitions))
    return { throttleMs: answer.throttleTimeMs, partitions }
  }
}

/** As requests list partitions. */
function byTopic<T>(
  asked: readonly Asked[],
  byId: boolean,
  entry: (partition: FetchPartition) => T,
): { topic?: string; topicId?: string; partitions: T[] }[] {
  const topics = new Map<string, { topic?: string; topicId?: string; partitions: T[] }>()
  for (const { partition, topicId } of asked) {
    const key = byId ? (topicId ?? zeroUuid) : partition.topic
    let listed = topics.get(key)
    if (listed === undefined) {
      listed = { ...(byId ? { topicId: key } : { topic: key }), partitions: [] }
      topics.set(key, listed)
    }
    listed.partitions.push(entry(partition))
  }
  return [...topics.values()]
}

/** What an answer should have, and does not. */
function lacking({ nodeId, partitions }: FetchQuery, answered: readonly FetchedPartition[]): FetchedPartition[] {
  const names = new Set(answered.map(({ topic, partition }) => partitionName(topic, partition)))
  const left = partitions.filter(({ topic, partition }) => !names.has(partitionName(topic, partition)))
  return left.map(({ topic, partition }) => {
    const message = `Node ${nodeId} was asked for ${partitionName(topic, partition)} and its answer lacks it`
    const error = new MillraceError('INCOMPLETE_ANSWER', message, { topic, partition, retriable: true })
    const nothing = { aborted: [], batches: [], bytes: 0, corrupt: null }
    return { topic, partition, error, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, ...nothing }
  })
}

function readPartition(topic: string, data: FetchResponsePartitionData): FetchedPartition {
  const partition = data.partitionIndex
  const place = { topic, partition }
  const records = data.records
  const bytes = records?.length ?? 0
  const { batches, corrupt } =
    records === null ? { batches: [], corrupt: null } : splitBatches(records, 0, bytes, place)
  return {
    topic,
    partition,
    error: kafkaError(data.errorCode, `fetching ${partitionName(topic, partition)}`, place),
    highWatermark: data.highWatermark,
    lastStableOffset: data.lastStableOffset,
    logStartOffset: data.logStartOffset,
    preferredReplica: data.preferredReadReplica,
    aborted: data.abortedTransactions ?? [],
    batches,
    bytes,
    corrupt,
  }
}
