import type { CircuitDecision } from '../../src/work/circuit.ts'
import type { DispatcherOptions } from '../../src/work/dispatcher.ts'
import type { Decision } from '../../src/work/failure.ts'
import type { Rate } from '../../src/work/rate.ts'
import type { BatchLimits, Order } from '../../src/work/route.ts'
import type { Dice } from './dice.ts'
import type { LogShape } from './partition-log.ts'

/** What a handler does with a message, by chance each time. */
export type Fate =
  | 'sync'
  | 'throw'
  | 'async'
  | 'thenable'
  | 'fail'
  | 'retry'
  | 'poison'
  | 'obey'
  | 'late'
  | 'late-failure'
  | 'never'
  | 'block'
  | 'die'

/** What decoding a message does; `'late'` ones are asynchronous. */
export type DecodeFate = 'sync' | 'late' | 'fail' | 'late-failure' | 'retriable' | 'never'

export interface RouteScenario {
  readonly order: Order
  readonly timeoutMs: number
  readonly abandonMs: number
  readonly attempts: number
  /** The same: always so long. */
  readonly backoff: { readonly minMs: number; readonly maxMs: number }
  readonly redeliverMs: number
  readonly batch: BatchLimits | null
  /** Handlers of batches say what became of single messages. */
  readonly verdicts: boolean
  readonly decodes: boolean
  /** Whether some messages are filtered out. */
  readonly filters: boolean
  readonly expireAfterMs: number | null
  readonly rate: Rate | null
  /** Batches have none. */
  readonly keyRate: Rate | null
  readonly priority: number
  /** A decision for all failures, somewhere to keep them, or chances. */
  readonly onFailure: Decision | 'by-chance' | 'dead-letter' | 'retry-topic' | 'park'
  /** Of `'retry-topic'`: how long the messages of each tier wait, and what becomes of those that fail in the last. */
  readonly tiers: readonly number[]
  readonly afterTiers: Decision | 'dead-letter'
  /** Handlers run in so many threads, which may die. */
  readonly threads: number
  readonly fates: Readonly<Record<Fate, number>>
  readonly decodeFates: Readonly<Record<DecodeFate, number>>
}

export interface BreakerScenario {
  readonly failures: number
  readonly windowMs: number
  readonly pauseMs: number
  readonly scope: 'consumer' | 'partition'
  readonly onOpen: CircuitDecision | 'by-chance'
}

export interface Scenario {
  readonly partitions: number
  readonly processes: number
  readonly log: LogShape
  readonly work: DispatcherOptions
  readonly breaker: BreakerScenario | null
  readonly routes: readonly RouteScenario[]
  readonly budget: number
  readonly reservoirMessages: number
  readonly maxBytes: number
  readonly ringLimit: number
  /** How many different hashes keys have. */
  readonly hashes: number
  readonly commitIntervalMs: number
  readonly maxCommitAgeMs: number
  /** The probability that a step is something that the world does to the processes. */
  readonly chaos: number
  readonly storageTrouble: number
  readonly brokerTrouble: number
  readonly metadataLimit: number
  /** Above this the storage refuses metadata. */
  readonly storageMetadata: number
}

export function scenario(dice: Dice): Scenario {
  const calm = dice.chance(0.3)
  const breaker = dice.chance(0.3) ? breakerScenario(dice) : null
  const hashes = dice.pick([2 ** 30, 2 ** 30, 3])
  // What a circuit hears of a probe is watched batch by batch; and keys with the same hash come again behind each other.
  const batches = { whole: breaker !== null, verdicts: breaker === null && hashes > 100 }
  return {
    partitions: dice.int(1, 4),
    processes: dice.pick([1, 1, 2]),
    log: {
      keys: dice.pick([1, 3, 20]),
      hotKey: dice.pick([0, 0.2, 0.9]),
      withoutKey: dice.pick([0, 0.1, 0.8]),
      compressed: dice.pick([0, 0, 0.3]),
      compacted: dice.pick([0, 0.1, 0.6]),
      aborted: dice.pick([0, 0.2]),
    },
    work: {
      concurrency: dice.pick([1, 4, 16, 100]),
      perPartition: dice.pick([Number.POSITIVE_INFINITY, 1, 5]),
      maxAbandoned: dice.pick([2, 8, 64]),
      maxUndone: dice.pick([1, 5, 100]),
    },
    routes: [routeScenario(dice, calm, batches), routeScenario(dice, calm, batches)],
    breaker,
    budget: dice.pick([1_000, 10_000, 100_000]),
    reservoirMessages: dice.pick([10, 100]),
    maxBytes: dice.pick([500, 4_000]),
    ringLimit: dice.pick([2, 16, 65_536]),
    hashes,
    commitIntervalMs: dice.pick([50, 500]),
    maxCommitAgeMs: dice.pick([500, 5_000, 300_000]),
    chaos: dice.pick([0, 0.001, 0.01]),
    storageTrouble: dice.pick([0, 0.1, 0.5]),
    brokerTrouble: dice.pick([0, 0, 0.05]),
    metadataLimit: dice.pick([0, 90, 110, 150, 4_096]),
    storageMetadata: dice.pick([0, 100, 4_096, 4_096]),
  }
}

function breakerScenario(dice: Dice): BreakerScenario {
  return {
    failures: dice.pick([1, 3, 10]),
    windowMs: dice.pick([50, 1_000, 60_000]),
    pauseMs: dice.pick([20, 500]),
    scope: dice.pick(['consumer', 'partition']),
    onOpen: dice.pick(['pause', 'pause', 'by-chance', 'by-chance', 'continue', 'stop']),
  }
}

/** `whole`: batches are of one partition; `verdicts`: something may be said of single messages. */
function routeScenario(
  dice: Dice,
  calm: boolean,
  { whole, verdicts }: { whole: boolean; verdicts: boolean },
): RouteScenario {
  const trouble = calm ? 0 : dice.pick([0.1, 1, 5])
  const maxMs = dice.pick([20, 2_000])
  const order = dice.pick(['key', 'key', 'partition', 'none'] as const)
  const batched = dice.chance(0.4)
  return {
    order,
    verdicts: verdicts && dice.chance(0.5),
    timeoutMs: dice.pick([100, 1_000]),
    abandonMs: dice.pick([50, 500]),
    attempts: dice.int(1, 4),
    backoff: { minMs: dice.chance(0.5) ? 10 : maxMs, maxMs },
    redeliverMs: dice.pick([10, 1_000]),
    batch: batched
      ? {
          by:
            whole || order === 'partition' ? 'partition' : order === 'key' ? dice.pick(['partition', 'key']) : 'route',
          messages: dice.pick([1, 4, 20]),
          bytes: dice.pick([100, 10_000]),
          lingerMs: dice.pick([0, 20, 200]),
        }
      : null,
    decodes: dice.chance(0.3),
    filters: dice.chance(0.3),
    expireAfterMs: dice.chance(0.2) ? dice.pick([100, 3_000]) : null,
    rate: dice.chance(0.2) ? rate(dice) : null,
    keyRate: dice.chance(0.2) && !batched ? rate(dice) : null,
    priority: dice.int(0, 1),
    onFailure: dice.weighted({
      ...{ 'by-chance': 4, 'dead-letter': 2, 'retry-topic': 3, park: 1 },
      ...{ skip: 1, leave: 1, hold: 1, 'skip-and-stop': 1, stop: 1 },
    }),
    tiers: Array.from({ length: dice.int(1, 2) }, () => dice.pick([50, 1_000])),
    afterTiers: dice.pick(['dead-letter', 'dead-letter', 'skip', 'leave', 'hold']),
    threads: dice.pick([0, 1, 3]),
    fates: {
      sync: 5,
      async: dice.pick([0, 10]),
      thenable: 0.2,
      throw: trouble,
      fail: trouble,
      retry: trouble,
      poison: trouble / 3,
      obey: trouble / 10,
      late: trouble / 10,
      'late-failure': trouble / 10,
      never: trouble / 30,
      block: trouble / 100,
      die: trouble / 10,
    },
    decodeFates: {
      sync: 10,
      late: 10,
      fail: trouble / 3,
      'late-failure': trouble / 3,
      retriable: trouble / 3,
      never: trouble / 100,
    },
  }
}

/** Fast enough that all is done in the end. */
function rate(dice: Dice): Rate {
  return { messages: dice.int(10, 100), perMs: dice.pick([10, 100, 200]), burst: dice.int(1, 20) }
}

/** A topic that is read: one of the routes', or where what failed of one waits. */
export interface TopicScenario {
  readonly name: string
  /** Place of its route among those of the scenario. */
  readonly route: number
  /** 0: it is no retry topic. */
  readonly tier: number
}

export const GROUP = 'shop'
const NAMES = ['orders', 'mails']

/** All topics that are read, those of the routes first. */
export function topicsOf({ routes }: Scenario): readonly TopicScenario[] {
  const sources = routes.map((_, route) => ({ name: sourceTopic(route), route, tier: 0 }))
  const retries = routes.flatMap(({ onFailure, tiers }, route) =>
    onFailure === 'retry-topic'
      ? tiers.map((_, at) => ({ name: retryTopicName(sourceTopic(route), at + 1), route, tier: at + 1 }))
      : [],
  )
  return [...sources, ...retries]
}

export function sourceTopic(route: number): string {
  return NAMES[route] as string
}

export function retryTopicName(source: string, tier: number): string {
  return `${GROUP}.${source}.retry.${tier}`
}

export function deadLetterTopic(route: number): string {
  return `${sourceTopic(route)}.dlq`
}

/** Where messages are parked. */
export const PARKED = 'files'

/** What `work.filter` keeps away from the handlers. */
export function isFiltered({ filters }: RouteScenario, offset: number): boolean {
  return filters && offset % 5 === 2
}
