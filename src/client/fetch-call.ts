import { partitionName } from '../base/topic-partition.ts'
import { kafkaError } from '../protocol/error-codes.ts'
import type {
  FetchRequestFetchTopic,
  FetchResponse,
  FetchResponsePartitionData,
  Requests,
} from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import { splitBatches } from '../records/split-batches.ts'
import type { Question } from './call.ts'
import type { FetchAnswer, FetchedPartition, FetchQuery } from './low-level-client.ts'

/** From this version on, Fetch names topics by id (KIP-516). */
const versionWithIds = 13
/** Not a fetch session (KIP-227): each request names all its partitions. */
const noSession = { sessionId: 0, sessionEpoch: -1, forgottenTopicsData: [] }
const noReplica = -1

/**
 * A fetch of raw record batches (https://kafka.apache.org/protocol#The_Messages_Fetch). `ids` has the ids of the topics: by name where
 * one is missing. The batches are copied out while the answer is read, so nothing of the frame is kept.
 */
export function fetchQuestion(
  query: FetchQuery,
  ids: ReadonlyMap<string, string | null>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Question<'Fetch', FetchAnswer> {
  const names = new Map<string, string>()
  for (const [topic, id] of ids) if (id !== null) names.set(id, topic)
  const byId = [...ids.values()].every(id => id !== null)
  return {
    name: 'Fetch',
    body: version => fetchBody(query, version >= versionWithIds ? ids : null),
    read: (answer, version) => readFetch(answer, version >= versionWithIds ? names : null),
    maxVersion: byId ? undefined : versionWithIds - 1,
    timeoutMs,
    signal,
  }
}

function fetchBody(query: FetchQuery, ids: ReadonlyMap<string, string | null> | null): Requests['Fetch'] {
  const topics = new Map<string, FetchRequestFetchTopic & { partitions: object[] }>()
  for (const { topic, partition, offset, leaderEpoch, maxBytes } of query.partitions) {
    let entry = topics.get(topic)
    if (entry === undefined) {
      entry = { ...(ids === null ? { topic } : { topicId: ids.get(topic) ?? zeroUuid }), partitions: [] }
      topics.set(topic, entry)
    }
    entry.partitions.push({
      partition,
      currentLeaderEpoch: leaderEpoch,
      fetchOffset: offset,
      lastFetchedEpoch: -1,
      logStartOffset: -1,
      partitionMaxBytes: maxBytes,
    })
  }
  return {
    replicaId: noReplica,
    maxWaitMs: query.maxWaitMs,
    minBytes: query.minBytes,
    maxBytes: query.maxBytes,
    isolationLevel: query.isolation === 'read_committed' ? 1 : 0,
    ...noSession,
    topics: [...topics.values()],
  }
}

function readFetch(answer: FetchResponse, names: ReadonlyMap<string, string> | null): FetchAnswer {
  const error = kafkaError(answer.errorCode, 'fetching')
  if (error !== null) throw error
  const partitions: FetchedPartition[] = []
  for (const entry of answer.responses) {
    const topic = names === null ? entry.topic : names.get(entry.topicId)
    // What was not asked for is not looked at.
    if (topic === undefined) continue
    for (const data of entry.partitions) partitions.push(readPartition(topic, data))
  }
  return { throttleMs: answer.throttleTimeMs, partitions }
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
    aborted: data.abortedTransactions ?? [],
    batches,
    bytes,
    corrupt,
  }
}
