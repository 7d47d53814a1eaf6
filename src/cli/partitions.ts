import { type Clock, sleep, systemClock } from '../base/clock.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { LowLevelClient, TopicMetadata } from '../client/low-level-client.ts'
import { CommandError, exitCodes } from './failure.ts'

const againMs = 200
/** As `OffsetQuery` has them. */
const LATEST = -1
const EARLIEST = -2
const unknownCodes = ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']

/**
 * Metadata of these topics, in their order, each once. What may pass, such as a topic that is just being created, is waited for.
 *
 * @throws {CommandError} when one does not exist
 */
export async function findTopics(
  client: LowLevelClient,
  names: readonly string[],
  timeoutMs: number,
  clock: Clock = systemClock,
): Promise<readonly TopicMetadata[]> {
  const deadline = clock.now() + timeoutMs
  const wanted = [...new Set(names)]
  for (;;) {
    const { topics } = await client.metadata(wanted)
    const found = wanted.flatMap(name => topics.get(name) ?? [])
    const failed = found.find(({ error }) => error !== null)
    if (failed === undefined || failed.error === null) return found
    const { topic, error } = failed
    if (unknownCodes.includes(error.code)) {
      throw new CommandError(
        exitCodes.unknown,
        'UNKNOWN_TOPIC',
        `Topic "${topic}" does not exist, or this client may not see it. "millrace topics list" lists those that do`,
      )
    }
    if (!error.retriable || clock.now() > deadline) throw error
    await sleep(clock, againMs)
  }
}

/**
 * The partitions of these topics, or those with these numbers of each.
 *
 * @throws {CommandError} when one does not exist
 */
export function choosePartitions(
  topics: readonly TopicMetadata[],
  numbers: readonly number[] | undefined,
): readonly TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => {
    const missing = numbers?.find(number => number >= partitions.length)
    if (missing !== undefined) {
      throw new CommandError(
        exitCodes.unknown,
        'UNKNOWN_PARTITION',
        `${partitionName(topic, missing)} does not exist: topic "${topic}" has the partitions 0 to ${partitions.length - 1}`,
      )
    }
    return (numbers ?? [...partitions.keys()]).map(partition => ({ topic, partition }))
  })
}

/** Where each partition ends now, by its name: an open transaction ends it, as it does for a consumer of committed messages. */
export async function endOffsets(
  client: LowLevelClient,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, number>> {
  const queries = partitions.map(({ topic, partition }) => ({ topic, partition, timestamp: LATEST }))
  const ends = new Map<string, number>()
  for (const { topic, partition, offset, error } of await client.listOffsets(queries, 'read_committed')) {
    if (error !== null) throw error
    ends.set(partitionName(topic, partition), offset)
  }
  return ends
}

export interface Edges {
  /** First offset that is there; null when its leader did not tell. */
  readonly earliest: number | null
  /** Offset of the next message to be written. */
  readonly latest: number | null
}

/** Both ends of each partition, by its name. */
export async function edgesOf(
  client: LowLevelClient,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, Edges>> {
  const queries = [EARLIEST, LATEST].flatMap(timestamp =>
    partitions.map(({ topic, partition }) => ({ topic, partition, timestamp })),
  )
  const answers = await client.listOffsets(queries, 'read_uncommitted')
  const offset = (at: number) => (answers[at]?.error === null ? answers[at].offset : null)
  return new Map(
    partitions.map(({ topic, partition }, at) => {
      return [partitionName(topic, partition), { earliest: offset(at), latest: offset(at + partitions.length) }]
    }),
  )
}

/** Numbers of the partitions of each topic. */
export function byTopic(partitions: readonly TopicPartition[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { topic, partition } of partitions) found.set(topic, [...(found.get(topic) ?? []), partition])
  return found
}
