import { ClosedError, MillraceError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { ApiName } from '../protocol/apis.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { Question } from './call.ts'
import type { Metadata } from './metadata.ts'
import type { Settings } from './options.ts'

/** What the calls that go to several leaders need of the client. */
export interface Router {
  readonly settings: Settings
  readonly metadata: Metadata
  /** Aborted when the client is closed. */
  readonly signal: AbortSignal
  ask<N extends ApiName, T>(nodeId: number, question: Question<N, T>): Promise<T>
  /** How errors call this broker. */
  brokerName(nodeId: number): string
}

/** What goes to one broker in one request; each entry keeps its place in the list that was asked for. */
export interface Routed<T> {
  readonly nodeId: number
  readonly entries: { readonly at: number; readonly item: T }[]
}

/**
 * Sorts by leader. No partition is twice in one request, because brokers refuse that or answer one only: its second entry goes
 * into a second request behind the first.
 */
export function byLeader<T extends TopicPartition>(
  metadata: Metadata,
  items: Iterable<{ readonly at: number; readonly item: T }>,
): {
  readonly routed: readonly Routed<T>[]
  readonly leaderless: readonly { readonly at: number; readonly item: T }[]
} {
  const routed = new Map<string, Routed<T>>()
  const seen = new Map<string, number>()
  const leaderless: { at: number; item: T }[] = []
  for (const entry of items) {
    const { topic, partition } = entry.item
    const leader = metadata.leaderOf(topic, partition)
    if (leader === null) {
      leaderless.push(entry)
      continue
    }
    const name = partitionName(topic, partition)
    const turn = seen.get(name) ?? 0
    seen.set(name, turn + 1)
    const key = `${leader.nodeId}/${turn}`
    const request = routed.get(key)
    if (request === undefined) routed.set(key, { nodeId: leader.nodeId, entries: [entry] })
    else request.entries.push(entry)
  }
  return { routed: [...routed.values()], leaderless }
}

/** Looks up the topics of those partitions whose leader is not known. Rejects when nothing could be asked. */
export async function findLeaders(
  metadata: Metadata,
  partitions: Iterable<TopicPartition>,
  timeoutMs: number,
): Promise<void> {
  const topics = new Set<string>()
  for (const { topic, partition } of partitions) if (metadata.leaderOf(topic, partition) === null) topics.add(topic)
  if (topics.size > 0) await metadata.refresh([...topics], timeoutMs)
}

/** Why this partition has no leader, after its metadata was looked up. */
export function whyLeaderless(metadata: Metadata, { topic, partition }: TopicPartition): MillraceError {
  const known = metadata.topic(topic)
  const found = known?.partitions[partition]
  const code = found === undefined ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.LEADER_NOT_AVAILABLE
  const doing = `finding the leader of ${partitionName(topic, partition)}`
  return known?.error ?? found?.error ?? new KafkaError(code, doing, { topic, partition })
}

/** The epoch of the leader that is known, which lets it fence who knows an older one (KIP-320); -1 while it is not known. */
export function epochOf(metadata: Metadata, { topic, partition }: TopicPartition): number {
  return metadata.leaderOf(topic, partition)?.leaderEpoch ?? -1
}

/** What befell a request, for the entries of the partitions in it; what concerns the whole call is thrown again. */
export function ofRequest(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError && !(thrown instanceof ClosedError)) return thrown
  throw thrown
}

/** As requests list partitions that go by the names of their topics. */
export function byTopic<T extends TopicPartition, P>(
  items: readonly T[],
  entry: (item: T) => P,
): { name: string; partitions: P[] }[] {
  return [...Map.groupBy(items, ({ topic }) => topic)].map(([name, found]) => {
    return { name, partitions: found.map(entry) }
  })
}
