import type { Match } from '../../../src/ownership/subscription.ts'
import type { Order } from '../../../src/work/route.ts'
import type { Dice } from '../dice.ts'
import type { LogShape } from '../partition-log.ts'
import type { GroupApi } from './group-wire.ts'

/** What a handler does with its messages, by chance each time. */
export type Fate = 'sync' | 'async' | 'slow' | 'fail' | 'long' | 'obey' | 'never' | 'block'

/** What happens to processes, topics and the network. */
export type Chance =
  | 'start'
  | 'close'
  | 'kill'
  | 'stop'
  | 'sleep'
  | 'set-clock'
  | 'seek'
  | 'pause'
  | 'resume'
  | 'topic'
  | 'grow'
  | 'cut'
  | 'refuse'
  | 'move'
  | 'usurp'

export type Strategies = readonly ('range' | 'round-robin' | 'sticky' | 'cooperative-sticky')[]

export interface GroupScenario {
  /** Only joins and graceful leaves: nothing may be handled twice. */
  readonly orderly: boolean
  /** How long things happen, ms. */
  readonly chaosMs: number
  /** The longest pause between two things that happen, ms. */
  readonly pauseMs: number
  readonly members: number
  /** What new members may be; all understand each other. */
  readonly strategies: readonly Strategies[]
  /** Of all new members, how many are static. */
  readonly statics: number
  readonly routes: readonly (readonly Match[])[]
  readonly log: LogShape
  readonly start: 'earliest' | 'latest'
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  readonly drainMs: number
  /** How long the longest handlers take that still are in time. */
  readonly slowMs: number
  readonly abandonMs: number
  readonly timeoutMs: number
  readonly refreshMs: number
  readonly commitIntervalMs: number
  readonly metadataLimit: number
  readonly concurrency: number
  readonly order: Order
  readonly batches: boolean
  readonly newest: Readonly<Partial<Record<GroupApi, number>>>
  /** The probability that something goes wrong with a request to the coordinator, and with one to another broker. */
  readonly groupTrouble: number
  readonly brokerTrouble: number
  readonly fates: Readonly<Record<Fate, number>>
  readonly chances: Readonly<Record<Chance, number>>
}

/** Brokers of Kafka 4.1, 2.8, 2.3 and 2.1. */
const brokers: GroupScenario['newest'][] = [
  {},
  { JoinGroup: 7, SyncGroup: 5, Heartbeat: 4, LeaveGroup: 4, OffsetCommit: 8, OffsetFetch: 7, DescribeGroups: 5 },
  { JoinGroup: 5, SyncGroup: 3, Heartbeat: 3, LeaveGroup: 2, OffsetCommit: 7, OffsetFetch: 5, DescribeGroups: 4 },
  { JoinGroup: 3, SyncGroup: 2, Heartbeat: 2, LeaveGroup: 2, OffsetCommit: 6, OffsetFetch: 5, DescribeGroups: 2 },
]

const mixes: (readonly Strategies[])[] = [
  [['cooperative-sticky']],
  [['cooperative-sticky']],
  [['range'], ['range', 'round-robin']],
  [['sticky']],
  [['round-robin']],
  // Rolling from eager to cooperative.
  [['cooperative-sticky', 'range'], ['range'], ['cooperative-sticky', 'range']],
  [['cooperative-sticky', 'sticky'], ['cooperative-sticky']],
]

const subscriptions: (readonly (readonly Match[])[])[] = [
  [['orders']],
  [[/^orders/]],
  [[['orders', 'orders.late']]],
  [['orders', /^audit/]],
  // Members that want different topics.
  [['orders'], ['orders', 'audit'], [/./]],
]

export function groupScenario(dice: Dice): GroupScenario {
  const orderly = dice.chance(0.3)
  // Long enough also for those that wait for each other, and for their next attempts.
  const drainMs = orderly ? 10_000 : dice.pick([500, 3_000])
  const abandonMs = dice.pick([200, 1_000])
  const timeoutMs = dice.pick([2_000, 8_000])
  const newest = dice.pick(brokers)
  // Static members need Kafka 2.3.
  const statics = newest.JoinGroup === 3 ? 0 : dice.pick([0, 0, 0.5])
  return {
    orderly,
    chaosMs: 60_000,
    pauseMs: dice.pick([1_000, 6_000, 20_000]),
    members: dice.int(1, 4),
    strategies: dice.pick(mixes),
    statics,
    routes: dice.pick(subscriptions),
    log: {
      keys: dice.pick([1, 5, 20]),
      hotKey: dice.pick([0, 0.5]),
      withoutKey: dice.pick([0, 0.3]),
      compressed: 0,
      compacted: dice.pick([0, 0.2]),
      aborted: dice.pick([0, 0.2]),
    },
    start: dice.pick(['earliest', 'latest']),
    sessionTimeoutMs: dice.pick([6_000, 10_000]),
    heartbeatIntervalMs: dice.pick([500, 2_000]),
    rebalanceTimeoutMs: drainMs + abandonMs + 5_000 + dice.pick([0, 20_000]),
    drainMs,
    slowMs: orderly ? 500 : Math.min(drainMs, timeoutMs) * 0.8,
    abandonMs,
    timeoutMs,
    refreshMs: dice.pick([2_000, 10_000]),
    commitIntervalMs: dice.pick([100, 1_000]),
    metadataLimit: dice.pick([0, 100, 4_096]),
    concurrency: dice.pick([1, 4, 16]),
    order: dice.pick(['key', 'key', 'none', 'partition']),
    batches: dice.chance(0.2),
    newest,
    groupTrouble: orderly ? 0 : dice.pick([0, 0.01, 0.1]),
    brokerTrouble: orderly ? 0 : dice.pick([0, 0.02]),
    fates: {
      sync: 20,
      async: 20,
      slow: dice.pick([1, 5]),
      fail: dice.pick([0, 1]),
      long: orderly ? 0 : dice.pick([0, 0.3]),
      obey: orderly ? 0 : dice.pick([0, 0.3]),
      never: orderly ? 0 : dice.pick([0, 0.05]),
      block: orderly ? 0 : dice.pick([0, 0.1]),
    },
    chances: {
      start: 3,
      close: 2,
      topic: 0.3,
      grow: 0.3,
      // What is paused is not finished by a drain.
      pause: orderly ? 0 : 0.5,
      resume: 1,
      ...(orderly ? noTrouble : trouble(dice, statics)),
    },
  }
}

const noTrouble = { kill: 0, stop: 0, sleep: 0, 'set-clock': 0, seek: 0, cut: 0, refuse: 0, move: 0, usurp: 0 }

/** Some kinds only, so that each is also met without the others. */
function trouble(dice: Dice, statics: number): typeof noTrouble {
  const some = (weight: number) => (dice.chance(0.5) ? weight : 0)
  return {
    kill: some(1),
    stop: some(2),
    sleep: some(1),
    'set-clock': some(0.5),
    seek: some(2),
    cut: some(2),
    refuse: some(1),
    move: some(1),
    usurp: statics > 0 ? some(0.5) : 0,
  }
}
