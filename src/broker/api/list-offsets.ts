import { errorCodes } from '../../protocol/error-codes.ts'
import type { ListOffsetsRequestListOffsetsPartition } from '../../protocol/messages.ts'
import type { Decoded } from '../../protocol/shapes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { Partition } from '../partition.ts'

export const listOffsetsHandlers: Handlers<'ListOffsets'> = { ListOffsets: listOffsets }

/** Timestamps that stand for something else. */
const latest = -1
const earliest = -2
const largestTimestamp = -3
const earliestLocal = -4
const latestTiered = -5
/** The first version that knows each of them. */
const knownFrom = new Map([
  [latest, 1],
  [earliest, 1],
  [largestTimestamp, 7],
  [earliestLocal, 8],
  [latestTiered, 9],
])
/** Asks without regard to who leads: a tool of Kafka's. */
const debuggingReplica = -2

type Asked = Decoded<ListOffsetsRequestListOffsetsPartition>

interface Offset {
  readonly errorCode?: number
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch?: number
}

const nothing: Offset = { offset: -1, timestamp: -1 }

async function listOffsets(cluster: Cluster, call: Call<'ListOffsets'>): Promise<Answer<'ListOffsets'>> {
  // Look-ups by time may have to inflate a batch: until then nothing has happened that others could see.
  const topics = call.body.topics.map(async ({ name, partitions }) => {
    const times = Map.groupBy(partitions, each => each.partitionIndex)
    const found = [...times].map(async ([partitionIndex, [asked, ...more]]) => ({
      partitionIndex,
      ...(more.length > 0 || asked === undefined
        ? refusal(errorCodes.INVALID_REQUEST)
        : await offsetOf(call, cluster.topics.get(name)?.partitions[partitionIndex], asked)),
    }))
    return { name, partitions: await Promise.all(found) }
  })
  return { topics: await Promise.all(topics) }
}

function refusal(errorCode: number): Offset {
  return { ...nothing, errorCode }
}

async function offsetOf(call: Call<'ListOffsets'>, partition: Partition | undefined, asked: Asked): Promise<Offset> {
  const { timestamp, currentLeaderEpoch } = asked
  const { isolationLevel, replicaId } = call.body
  if (isolationLevel !== 0 && isolationLevel !== 1) return refusal(errorCodes.UNKNOWN_SERVER_ERROR)
  if (timestamp < 0 && call.version < (knownFrom.get(Number(timestamp)) ?? Number.POSITIVE_INFINITY)) {
    return refusal(errorCodes.UNSUPPORTED_VERSION)
  }
  if (partition === undefined) return refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  const errorCode = partition.refuses(call.node, currentLeaderEpoch, replicaId !== debuggingReplica)
  if (errorCode !== errorCodes.NONE) return refusal(errorCode)
  const { log, leaderEpoch } = partition
  const end = log.endFor(isolationLevel === 1 && replicaId === -1 ? 'read_committed' : 'read_uncommitted')
  switch (timestamp) {
    case latest:
      return { offset: end, timestamp: -1, leaderEpoch }
    case earliest:
    case earliestLocal:
      return { offset: log.startOffset, timestamp: -1, leaderEpoch: log.startEpoch }
    case latestTiered:
      return nothing
  }
  const found = await (timestamp === largestTimestamp ? log.findLargestTime() : log.findByTime(Number(timestamp)))
  return found !== null && found.offset < end ? found : nothing
}
