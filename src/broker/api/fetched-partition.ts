import { errorCodes } from '../../protocol/error-codes.ts'
import type { FetchedPlace } from '../fetch-session.ts'
import type { EpochEnd } from '../log/leader-epochs.ts'
import type { Isolation, Read } from '../log/log.ts'
import type { Partition } from '../partition.ts'

/** What a Fetch request asks of one partition. */
export interface Wanted {
  readonly place: FetchedPlace
  /** An error code where there is none. */
  readonly partition: Partition | number
  /** The node that was asked. */
  readonly node: number
  readonly byFollower: boolean
  readonly leaderOnly: boolean
  /** Of the client; empty: it told none. */
  readonly rack: string
  readonly knowsZstd: boolean
  /** The leader's epoch as far as the client knows it, or -1. */
  readonly epoch: number
  readonly offset: number
  /** Epoch of the batch before `offset`, or -1: lets a truncated log be noticed (KIP-595). */
  readonly lastEpoch: number
  readonly maxBytes: number
}

/** What it gets. */
export interface Fetched {
  readonly errorCode: number
  readonly read?: Read
  /** The client's log and this one are not the same any more. */
  readonly diverging?: EpochEnd
  /** The node from which to read instead. */
  readonly preferred?: number
}

/** Limits below 0 are an error of the client's that Kafka does not expect either. */
export function readPartition(wanted: Wanted, isolation: Isolation, maxBytes: number, atLeastOne: boolean): Fetched {
  const hindered = hindrance(wanted)
  if (hindered !== null) return hindered
  if (maxBytes < 0) return { errorCode: errorCodes.UNKNOWN_SERVER_ERROR }
  const partition = wanted.partition as Partition
  const end = partition.highWatermarkOf(wanted.node)
  return { errorCode: errorCodes.NONE, read: partition.log.read(wanted.offset, isolation, maxBytes, atLeastOne, end) }
}

/** Bytes that could be read now; without end where there is something else to tell at once. */
export function waitingBytes(wanted: Wanted, isolation: Isolation): number {
  if (hindrance(wanted) !== null) return Number.POSITIVE_INFINITY
  const partition = wanted.partition as Partition
  const available = partition.log.available(wanted.offset, isolation, partition.highWatermarkOf(wanted.node))
  return Math.min(available, Math.max(wanted.maxBytes, 0))
}

/** Why nothing can be read, in the order in which Kafka looks. */
function hindrance(wanted: Wanted): Fetched | null {
  const { partition, node, epoch, leaderOnly, offset, lastEpoch } = wanted
  if (typeof partition === 'number') return { errorCode: partition }
  if (wanted.byFollower) return { errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER }
  if (!wanted.knowsZstd && partition.topic.config.get('compression.type') === 'zstd') {
    return { errorCode: errorCodes.UNSUPPORTED_COMPRESSION_TYPE }
  }
  const errorCode = partition.refuses(node, epoch, leaderOnly)
  if (errorCode !== errorCodes.NONE) return { errorCode }
  const preferred = leaderOnly ? -1 : partition.preferredReplica(node, wanted.rack, offset)
  if (preferred >= 0) return { errorCode, preferred }
  const { startOffset } = partition.log
  const outOfRange = { errorCode: errorCodes.OFFSET_OUT_OF_RANGE }
  if (lastEpoch !== -1) {
    const last = partition.log.endOfEpoch(lastEpoch)
    if (last.endOffset < 0 || offset < startOffset) return outOfRange
    const diverges = last.epoch < lastEpoch || last.endOffset < offset
    if (diverges) return { errorCode: errorCodes.NONE, diverging: last }
  }
  return offset < startOffset || offset > partition.endOf(node) ? outOfRange : null
}
