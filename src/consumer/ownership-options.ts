import { OptionError } from '../base/errors.ts'
import { SectionCheck } from '../base/option-check.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { Assignor } from '../ownership/assignors/assignor.ts'
import { assignorsOf, type Strategy } from '../ownership/assignors/strategies.ts'

/** What is called when partitions come and go. */
export type OwnershipCallback = (partitions: readonly TopicPartition[]) => unknown

/** Section `ownership`: which partitions this process owns, and how they change hands. */
export interface OwnershipOptions {
  /**
   * How a group divides its partitions, the most wanted first; all members need one in common. Default `['cooperative-sticky']`. Only
   * where all of them are cooperative, members keep what stays theirs while the group rebalances.
   */
  strategies?: readonly Strategy[]
  /**
   * Makes this a static member (KIP-345): it is known by this name and not told apart from its last run, so that a restart within the
   * session timeout moves nothing. One name for each process.
   */
  instanceId?: string
  /** The group takes this process for dead when it has not heard of it for so long. Default 45,000 ms. */
  sessionTimeoutMs?: number
  /** How often the group hears of it, at most a third of the session timeout. Default 3,000 ms. */
  heartbeatIntervalMs?: number
  /**
   * How long a rebalance waits for a member, which must drain in that time: `drainMs`, the longest `work.abandonMs` and 5,000 ms more.
   * Default 60,000 ms.
   */
  rebalanceTimeoutMs?: number
  /** A new group's first assignment waits for so many members, but no longer than `waitMs` (default 10,000). Default 1: for nobody. */
  startup?: { minMembers?: number; waitMs?: number }
  /** Partitions are owned; awaited before their first message is handled. What it throws stops the consumer. */
  onAssigned?: OwnershipCallback
  /** Partitions were drained and committed; awaited before they are given up. Also when the consumer closes. */
  onRevoked?: OwnershipCallback
  /** Partitions were another's before they could be given up. */
  onLost?: OwnershipCallback
  /**
   * How long running handlers may go on when their partition is given up or the consumer closes, ms. The callbacks are waited for as
   * long. Default 20,000.
   */
  drainMs?: number
  /** A named topic or partition that does not exist is waited for, or stops the consumer. Default `'wait'`. */
  missingTopics?: 'wait' | 'fail'
  /** How often to look for new topics and partitions, ms. Default 300,000. */
  refreshMs?: number
}

export interface ResolvedOwnership
  extends Required<
    Omit<OwnershipOptions, 'strategies' | 'instanceId' | 'startup' | 'onAssigned' | 'onRevoked' | 'onLost'>
  > {
  readonly strategies: readonly Assignor[]
  readonly instanceId: string | null
  readonly startup: { readonly minMembers: number; readonly waitMs: number }
  readonly onAssigned: OwnershipCallback | null
  readonly onRevoked: OwnershipCallback | null
  readonly onLost: OwnershipCallback | null
}

/** Longest that a broker's field can say. */
const MOST_MS = 2 ** 31 - 1
/** What a rebalance has beside the drain: for the last commit, and to join again. */
const BESIDE_DRAIN_MS = 5_000

const OWNERSHIP = [
  'strategies',
  'instanceId',
  'sessionTimeoutMs',
  'heartbeatIntervalMs',
  'rebalanceTimeoutMs',
  'startup',
  'onAssigned',
  'onRevoked',
  'onLost',
  'drainMs',
  'missingTopics',
  'refreshMs',
]

export function resolveOwnership(options: OwnershipOptions | undefined): ResolvedOwnership {
  const section = new SectionCheck('ownership', options, OWNERSHIP)
  const sessionTimeoutMs = section.number('sessionTimeoutMs', 45_000, { min: 10, max: MOST_MS })
  const rebalanceTimeoutMs = section.number('rebalanceTimeoutMs', 60_000, { min: 1, max: MOST_MS })
  const startup = new SectionCheck('ownership.startup', options?.startup, ['minMembers', 'waitMs'])
  const most = Math.floor(sessionTimeoutMs / 3)
  return {
    strategies: assignorsOf(options?.strategies ?? ['cooperative-sticky']),
    instanceId: instanceId(section),
    sessionTimeoutMs,
    heartbeatIntervalMs: section.number('heartbeatIntervalMs', Math.min(3_000, most), { min: 1, max: most }),
    rebalanceTimeoutMs,
    startup: {
      minMembers: startup.number('minMembers', 1, { min: 1 }),
      // Members that wait for their assignment longer than the rebalance timeout are put out of the group.
      waitMs: startup.number('waitMs', Math.min(10_000, rebalanceTimeoutMs / 2), {
        min: 0,
        max: rebalanceTimeoutMs / 2,
      }),
    },
    onAssigned: callback(section, 'onAssigned'),
    onRevoked: callback(section, 'onRevoked'),
    onLost: callback(section, 'onLost'),
    drainMs: section.number('drainMs', 20_000, { min: 0 }),
    missingTopics: section.oneOf('missingTopics', 'wait', ['wait', 'fail']),
    refreshMs: section.number('refreshMs', 300_000, { min: 100 }),
  }
}

/** What a rebalance timeout must be at least. */
export function neededForRebalance({ drainMs, startup }: ResolvedOwnership, abandonMs: number): number {
  return Math.max(drainMs + abandonMs + BESIDE_DRAIN_MS, 2 * startup.waitMs)
}

/** A member that drains for longer than the group waits would be taken for dead, and its messages be handled twice. */
export function checkDrain({ drainMs, rebalanceTimeoutMs }: ResolvedOwnership, abandonMs: number): void {
  const needed = drainMs + abandonMs + BESIDE_DRAIN_MS
  if (needed <= rebalanceTimeoutMs) return
  throw new OptionError(
    `ownership.rebalanceTimeoutMs is ${rebalanceTimeoutMs}, and a drain may take ${needed}: drainMs ${drainMs}, abandonMs ${abandonMs} and ` +
      `${BESIDE_DRAIN_MS} for the last commit. Make it at least that, or drainMs less`,
  )
}

function instanceId(section: SectionCheck): string | null {
  const id = section.string('instanceId')
  if (id === undefined) return null
  if (/^[\w.-]{1,249}$/.test(id) && id !== '.' && id !== '..') return id
  throw section.wrong('instanceId', 'a name of 1 to 249 letters, digits, dots, dashes and underscores')
}

function callback(section: SectionCheck, name: string): OwnershipCallback | null {
  const value = section.get(name)
  if (value === undefined) return null
  if (typeof value === 'function') return value as OwnershipCallback
  throw section.wrong(name, 'a function')
}
