import type { FetchPartition } from '../client/low-level-client.ts'
import type { Budget, Holder } from './budget.ts'
import type { Feed } from './feed.ts'
import type { FetchOptions } from './options.ts'

/** Longest wait at the broker while a partition is left out that may soon be wanted again. */
export const LEFT_OUT_WAIT_MS = 50

/** One fetch: what is asked, for whom, and what is reserved for its answer. */
export interface FetchPlan {
  readonly feeds: readonly Feed[]
  readonly partitions: readonly FetchPartition[]
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly reserved: number
  /** Some partition was left out because it is full. */
  readonly leavesOut: boolean
  /** Goes beyond the budget, for one batch. */
  readonly overdraws: boolean
}

/**
 * Which of these partitions to fetch now, in the order given, and how much; null when none may be. `share` is the connection's part
 * of the budget, `line` what it waits in line for more with, `leftOutWaitMs` the longest wait while a partition is full.
 *
 * A partition is left out while it holds more than half of what is still free, or too many messages; it comes back at half of that.
 * While the budget is used up, those that hold nothing may fetch a single batch, one of them at a time. One whose messages that wait
 * take too much is left out altogether.
 */
export function planFetch(
  feeds: readonly Feed[],
  options: FetchOptions,
  budget: Budget,
  share: number,
  line: Holder,
  leftOutWaitMs: number,
): FetchPlan | null {
  const wanted: Feed[] = []
  const partitions: FetchPartition[] = []
  let maxWaitMs = options.maxWaitMs
  let leavesOut = false
  let bytes = 0
  let inflation = 1
  let memory = 0
  const empty: Feed[] = []
  for (const feed of feeds) {
    if (!feed.active || feed.claim.paused) continue
    const waitMs = feed.located ? feed.waitMs : Math.max(feed.waitMs, LEFT_OUT_WAIT_MS)
    if (waitMs > 0) {
      maxWaitMs = Math.min(maxWaitMs, waitMs)
      continue
    }
    const { reservoir } = feed
    const { heavy } = reservoir
    if (reservoir.batchBytes === 0 && !heavy) empty.push(feed)
    const room = roomFor(feed, options, budget)
    // One that is full of what waits for long has no batch, and may never have less: it still gets one, the first of an answer.
    if (heavy || (room <= 0 && reservoir.batchBytes > 0)) {
      maxWaitMs = Math.min(maxWaitMs, leftOutWaitMs)
      leavesOut = true
      continue
    }
    const asked = Math.max(1, Math.min(options.partitionMaxBytes, Math.floor(room / reservoir.inflation)))
    wanted.push(feed)
    partitions.push(feed.ask(asked))
    bytes += asked
    memory += asked * reservoir.inflation
    inflation = Math.max(inflation, reservoir.inflation)
  }
  if (share >= 1 && wanted.length > 0) {
    budget.leaveLine(line)
    const maxBytes = Math.max(1, Math.min(bytes, options.maxBytes, Math.floor(share / inflation)))
    const reserved = Math.ceil(Math.min(share, memory, maxBytes * inflation))
    return { feeds: wanted, partitions, maxBytes, maxWaitMs, reserved, leavesOut, overdraws: false }
  }
  if (empty.length === 0) budget.leaveLine(line)
  if (empty.length === 0 || !budget.overdraw(line)) return null
  return {
    feeds: empty,
    // The first batch of an answer comes however large it is, and no other.
    partitions: empty.map(feed => feed.ask(1)),
    maxBytes: 1,
    maxWaitMs: Math.min(maxWaitMs, LEFT_OUT_WAIT_MS),
    reserved: options.partitionMaxBytes,
    leavesOut,
    overdraws: true,
  }
}

/** Bytes of memory that this partition may take in now; 0 or less: it is full. */
function roomFor(feed: Feed, options: FetchOptions, budget: Budget): number {
  const { reservoir } = feed
  const half = budget.unheld / 2
  const messages = options.reservoir.messages
  const comeBackAt = Math.floor(messages / 2)
  const tooMany = reservoir.messages > (feed.full ? comeBackAt : messages - 1)
  const tooLarge = reservoir.bytes > 0 && reservoir.bytes > (feed.full ? half / 2 : half)
  feed.full = tooMany || tooLarge
  if (tooMany && reservoir.messages > comeBackAt) reservoir.tellRoom(comeBackAt)
  return feed.full ? 0 : half - reservoir.bytes
}
