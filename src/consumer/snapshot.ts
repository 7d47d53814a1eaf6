import type { CommitState } from '../offsets/commit-loop.ts'
import type { Claim } from './claim.ts'
import type { Engine } from './engine.ts'
import type { ResolvedOptions } from './options.ts'
import type { CommitSummary, ConsumerState, ConsumerStatus, PartitionState, Wait, WorkCounts } from './state.ts'

const NOTHING: WorkCounts = { done: 0, retried: 0, skipped: 0, left: 0, held: 0, stuck: 0 }

/** What `Consumer.state()` answers. */
export function snapshot(
  { group, clientId, fetch }: ResolvedOptions,
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
    work: engine === null ? NOTHING : workCounts(engine),
    commits: commits === null ? null : commitSummary(commits),
    ownership: engine?.ownership.state() ?? null,
    connections: engine?.native?.state() ?? null,
    error,
  }
}

function workCounts({ workLog: { counts }, claims }: Engine): WorkCounts {
  let { done } = counts
  for (const claim of claims) done += claim.settled
  return { ...counts, done }
}

/** In the order of topics and partitions, whenever they were assigned. */
function partitionStates(engine: Engine, commits: CommitState | null): PartitionState[] {
  return [...engine.claims]
    .map(claim => partitionState(engine, claim, commits))
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

function commitSummary({ lastCommitAt, failingSince, error, overdue, pending }: CommitState): CommitSummary {
  return { lastAt: lastCommitAt, failingSince, error: error?.message ?? null, overdue, pending }
}

function partitionState(engine: Engine, claim: Claim, commits: CommitState | null): PartitionState {
  const { topic, partition, reservoir, progress, paused } = claim
  const { highWatermark, lastStableOffset } = reservoir
  const done = claim.committable
  const work = engine.dispatcher.state(claim)
  const committed = commits?.partitions.find(entry => entry.topic === topic && entry.partition === partition)
  return {
    topic,
    partition,
    position: reservoir.position,
    done,
    committed: committed?.committed ?? -1,
    highWatermark,
    lag: highWatermark < 0 || done < 0 ? null : Math.max(0, highWatermark - done),
    reservoir: { messages: reservoir.messages, bytes: reservoir.bytes },
    inFlight: work?.inFlight ?? 0,
    waiting: work?.waiting ?? 0,
    undone: work?.undone ?? 0,
    gaps: progress.runs,
    paused,
    openTransaction: lastStableOffset >= 0 && lastStableOffset < highWatermark,
    waitsFor: waits(engine, claim, commits),
  }
}

function waits(engine: Engine, claim: Claim, commits: CommitState | null): readonly Wait[] {
  const found: Wait[] = []
  const fetching = engine.fetching.state(claim)
  if (fetching === null) found.push({ for: 'offsets', since: null, cause: null })
  else if (fetching.phase !== 'fetching') {
    found.push({ for: fetching.phase, since: fetching.since, cause: fetching.error?.message ?? null })
  }
  const blocked = engine.dispatcher.state(claim)?.blocked ?? null
  if (blocked !== null) found.push({ for: blocked, since: null, cause: null })
  const { lease } = engine.ownership
  if (lease?.open === false) found.push({ for: 'lease', since: null, cause: null })
  const failing = { since: commits?.failingSince ?? null, cause: commits?.error?.message ?? null }
  if (claim.awaitingCommit) found.push({ for: 'first-commit', ...failing })
  if (commits?.overdue) found.push({ for: 'commits', ...failing })
  return found
}
