import type { ConsumerState, PartitionState, Wait } from '../consumer/state.ts'

/** Reasons for which a partition is not being fetched, or not handed out, however little is behind. */
const NOT_FETCHING: ReadonlySet<Wait['for']> = new Set<Wait['for']>([
  'offsets',
  'looking-up',
  'validating',
  'no-leader',
  'backing-off',
  'failed',
  'lease',
  'first-commit',
  'commits',
  'draining',
])

export interface PartitionReadiness {
  readonly topic: string
  readonly partition: number
  readonly fetching: boolean
  readonly stalled: boolean
  readonly lag: number | null
  readonly waitsFor: readonly Wait[]
}

/** What `/readyz` answers. */
export interface Readiness {
  readonly ready: boolean
  /** Why it is not, of the consumer as a whole; what is wrong with a partition is in its entry. */
  readonly reasons: readonly string[]
  /** Those that are owned. */
  readonly partitions: readonly PartitionReadiness[]
}

/** Ready: it runs, is in its group, and each partition it owns is fetched and not stalled. Owning none is no fault. */
export function readiness({ status, ownership, partitions, error }: ConsumerState): Readiness {
  const reasons: string[] = []
  if (status !== 'running') reasons.push(`the consumer is ${status}`)
  if (error !== null) reasons.push(error.message)
  const membership = ownership?.membership ?? null
  if (membership !== null && membership.generation < 0) {
    const cause = membership.cause === null ? '' : `: ${membership.cause}`
    reasons.push(`it is not in its group yet (${membership.phase}${cause})`)
  }
  const entries = partitions.map(partitionReadiness)
  const ready = reasons.length === 0 && entries.every(({ fetching, stalled }) => fetching && !stalled)
  return { ready, reasons, partitions: entries }
}

function partitionReadiness({ topic, partition, lag, stalledSince, waitsFor }: PartitionState): PartitionReadiness {
  const fetching = !waitsFor.some(wait => NOT_FETCHING.has(wait.for))
  return { topic, partition, fetching, stalled: stalledSince !== null, lag, waitsFor }
}
