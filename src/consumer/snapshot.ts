import { comparePlaces, partitionName } from '../base/topic-partition.ts'
import type { CommitState } from '../offsets/commit-loop.ts'
import type { Claim } from './claim.ts'
import type { Engine } from './engine.ts'
import type { ResolvedOptions } from './options.ts'
import type { CommitSummary, ConsumerState, ConsumerStatus, PartitionState, WorkCounts } from './state.ts'
import { Waits } from './waits.ts'

const NOTHING: WorkCounts = {
  done: 0,
  filtered: 0,
  expired: 0,
  retried: 0,
  skipped: 0,
  kept: 0,
  left: 0,
  held: 0,
  stuck: 0,
}

/** What `Consumer.state()` answers. */
export function snapshot(
  { group, clientId, fetch, offsets }: ResolvedOptions,
  status: ConsumerStatus,
  engine: Engine | null,
  error: Error | null,
): ConsumerState {
  const commits = engine?.commits?.state() ?? null
  return {
    status,
    group,
    clientId,
    partitions: engine === null ? [] : partitionStates(engine, commits),
    reservoir: { bytes: engine?.fetching.budget.held ?? 0, limit: fetch.reservoir.bytes },
    inFlight: engine?.dispatcher.running ?? 0,
    abandoned: engine?.dispatcher.abandoned ?? 0,
    work: engine === null ? NOTHING : { ...engine.workLog.counts(engine.claims), kept: engine.sinks.kept.total },
    threads: engine?.threads?.state ?? null,
    circuits: engine?.breaker?.state() ?? [],
    commits: commits === null ? null : commitSummary(commits, offsets.mode),
    transaction: engine?.transactions?.state(at => engine.wallTime(at)) ?? null,
    ownership: engine?.ownership.state() ?? null,
    connections: engine?.native?.state() ?? null,
    error,
  }
}

/** In the order of topics and partitions, whenever they were assigned. */
function partitionStates(engine: Engine, commits: CommitState | null): PartitionState[] {
  const waits = new Waits(engine, commits)
  const committed = new Map(
    commits?.partitions.map(each => [partitionName(each.topic, each.partition), each.committed]),
  )
  return [...engine.claims]
    .map(claim => {
      const place = partitionName(claim.topic, claim.partition)
      return partitionState(engine, claim, committed.get(place) ?? -1, waits)
    })
    .sort(comparePlaces)
}

function commitSummary(
  { lastCommitAt, failingSince, error, overdue, pending }: CommitState,
  mode: CommitSummary['mode'],
): CommitSummary {
  return { mode, lastAt: lastCommitAt, failingSince, error: error?.message ?? null, overdue, pending }
}

function partitionState(engine: Engine, claim: Claim, committed: number, waits: Waits): PartitionState {
  const { topic, partition, reservoir, progress, gaps, paused, done } = claim
  const { highWatermark } = reservoir
  const fetching = engine.fetching.state(claim)
  const work = engine.dispatcher.state(claim)
  return {
    topic,
    partition,
    position: reservoir.position,
    done,
    committed,
    highWatermark,
    lag: claim.lag,
    reservoir: { messages: reservoir.messages, bytes: reservoir.bytes },
    inFlight: work?.inFlight ?? 0,
    waiting: work?.waiting ?? 0,
    undone: work?.undone ?? 0,
    gaps: progress.runs,
    recalled: gaps.skipped,
    paused,
    openTransaction: fetching?.openTransaction ?? null,
    fetchedFrom: fetching?.fetchedFrom ?? -1,
    stalledSince: engine.stallWatch.stalledSince(claim),
    waitsFor: waits.of(claim),
  }
}
