import { exponential } from '../base/backoff.ts'
import { OptionError } from '../base/errors.ts'
import type { Logger, LogLevel } from '../base/logger.ts'
import type { Metrics } from '../base/metrics.ts'
import { SectionCheck } from '../base/option-check.ts'
import { type AccessOptions, accessNames, type ResolvedAccess, resolveAccess } from '../client/access-options.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { notSsl } from '../client/tls.ts'
import type { FetchOptions, StartPosition } from '../fetch/options.ts'
import { type MetricsOptions, type ResolvedMetrics, resolveMetrics } from '../metrics/metrics-option.ts'
import type { OffsetStorage } from '../offsets/storage.ts'
import type { Message } from '../records/message.ts'
import type { FailureBackoff } from '../work/failure.ts'
import type { Rate } from '../work/rate.ts'
import type { Order } from '../work/route.ts'
import { checkOnce } from './at-most-once.ts'
import { type BreakerOptions, type ResolvedBreaker, resolveBreaker } from './breaker-options.ts'
import { isSink, type OnFailureOption } from './failure-sink.ts'
import { checkDrain, type OwnershipOptions, type ResolvedOwnership, resolveOwnership } from './ownership-options.ts'
import { type RateOptions, resolveRate } from './rate-options.ts'
import {
  checkBesideTransaction,
  type ResolvedTransaction,
  resolveTransaction,
  type TransactionOption,
} from './transaction-options.ts'

const MiB = 1024 * 1024

/** Section `fetch`: how far fetching runs ahead, and what it may cost in memory. Sizes in bytes. */
export interface FetchSection {
  /**
   * What may lie ready in front of the handlers: `messages` of each partition (default 5,000, soft by one fetch), `bytes` of
   * all partitions together (default 64 MiB).
   */
  reservoir?: { messages?: number; bytes?: number }
  /** Connections to each broker for fetching. Default 1. */
  fetchers?: number
  /** The broker answers when it has this much, or after `maxWaitMs`. Default 1. */
  minBytes?: number
  /** Default 500. */
  maxWaitMs?: number
  /** Most that one answer may bring. Default 16 MiB. */
  maxBytes?: number
  /** Most that one answer may bring of one partition. Default 1 MiB. */
  partitionMaxBytes?: number
  /** Default `'read_committed'`: messages of aborted transactions are left out, those of open ones wait. */
  isolation?: 'read_committed' | 'read_uncommitted'
  /** A batch that inflates beyond this is taken for corrupt. Default 64 MiB. */
  maxInflatedBytes?: number
  /** The position does not exist any more. Default: `'fail'` when an offset was committed, else `offsets.start`. */
  onOutOfRange?: 'fail' | 'earliest' | 'latest'
  /** A batch whose checksum or format is wrong stops the consumer, or is left out with an event. Default `'fail'`. */
  onCorrupt?: 'fail' | 'skip'
}

/** What a route may override of section `work`. */
export interface RouteWorkOptions<M extends Message<unknown, unknown> = Message<unknown, unknown>> {
  /** Default `'key'`: one message of each key at a time, in order; different keys at once. */
  order?: Order
  /** A handler gets its `signal` after this long. Default 60,000 ms. */
  timeoutMs?: number
  /** How much longer it may take to settle before it is left to itself. Default 5,000 ms. */
  abandonMs?: number
  /** Attempts for each message, the first included. Default 3; 1, and never more, where `offsets.mode` is `'at-most-once'`. */
  attempts?: number
  /** Wait before the next attempt, by how many there were and what the last one failed with. Default `exponential(500, 30_000)`. */
  backoff?: FailureBackoff
  /** What becomes of a message whose attempts are spent: a decision, `deadLetter()`, `park()`, or a function that answers one. Default `'stop'`; `'skip'` where `offsets.mode` is `'at-most-once'`. */
  onFailure?: OnFailureOption<M>
  /** When a message that was left comes again. Default 30,000 ms. */
  redeliverMs?: number
  /**
   * Whether a message is handled at all; one that is not is done. It sees the message before its serdes, must be synchronous, and takes no
   * place in `concurrency`. What it throws stops the consumer. Default: all are handled.
   */
  filter?: (message: Message) => boolean
  /** A message whose timestamp is older than this, ms, when its handler would be entered is done without it. Default: none is. */
  expireAfterMs?: number
  /**
   * How many messages of a route may be handed to its handler in a time, over all partitions of this process; a batch counts as its messages.
   * Default: as many as can.
   */
  rate?: RateOptions
  /** The same of each key by itself; not for batches. Messages without a key are not counted. Default: as many as can. */
  keyRate?: RateOptions
  /**
   * While handlers are scarce, routes with a higher one have them first: of 17 messages that start, 16, as long as there are so many. -1,000 to
   * 1,000. Default 0.
   */
  priority?: number
}

/** Section `work`: what runs at the same time, in what order, and what a failure means. */
export interface WorkOptions<T extends TransactionOption | undefined = TransactionOption | undefined>
  extends RouteWorkOptions {
  /** Handlers at the same time, over all partitions and routes. Default 16. */
  concurrency?: number
  /** The same for each partition. Default: no cap. */
  perPartition?: number
  /** The consumer stops when this many handlers never settled. Default 64. */
  maxAbandoned?: number
  /**
   * Threads for the handlers of routes with `threads(…)`, shared by all of them. Default: as many as there are processors but one, at least
   * one, and no more than `concurrency`.
   */
  threads?: number
  /** What is to be done when too many messages fail. Default: nothing. */
  breaker?: BreakerOptions
  /**
   * Handlers may `send`: what they send is written in the transaction in which their messages are committed, so that both are there once,
   * or neither (KIP-98, KIP-447). Needs a group. Default false.
   */
  transaction?: T
}

/** What is committed first: that a message is done, or that it is about to be handled. */
export type OffsetsMode = 'at-least-once' | 'at-most-once'

/** Section `offsets`: what is done, and where that is remembered. */
export interface OffsetsOptions {
  /**
   * `'at-most-once'`: a message is handed to its handler only after an offset above it was committed, and never again. A crash loses what was
   * committed and not handled. Needs a `group`. Default `'at-least-once'`.
   */
  mode?: OffsetsMode
  /** Where a partition begins for which nothing was committed. A timestamp is ms since 1970. Default `'earliest'`. */
  start?: StartPosition
  /** Default 1,000. */
  commitIntervalMs?: number
  /** Dispatch pauses when commits have been failing for this long. Default 300,000. */
  maxCommitAgeMs?: number
  /**
   * Most characters of what is remembered beside an offset: what is done above it, so that no later owner handles that again. 0: nothing.
   * Brokers refuse more than `offset.metadata.max.bytes` (4,096 unless changed); then this becomes smaller by itself. Where it does not
   * suffice, nothing more of the partition is taken until it does. Default 4,096.
   */
  metadataLimit?: number
  /** Where offsets are kept. Default: Kafka, under the group's name. */
  storage?: OffsetStorage
}

export interface ConsumerOptions<T extends TransactionOption | undefined = TransactionOption | undefined>
  extends AccessOptions {
  /**
   * The consumer group to join: its members share the topics, and its offsets are read and committed. With routes that name partitions,
   * only the latter. Without it nothing is committed, and `offsets.start` decides where to begin.
   */
  group?: string
  /**
   * Rack, or zone, of this process, as brokers name theirs (`broker.rack`): partitions are read from a replica in it, where brokers look for
   * one (`replica.selector.class`), and members are given partitions that have one. Default: none, leaders are read from.
   */
  rack?: string
  /** pino, or anything with its methods. Default: warnings and errors to stderr, a line each. */
  logger?: Logger
  /** For the default logger. Default `'warn'`. */
  logLevel?: LogLevel
  /**
   * Metrics: true, for `consumer.metrics()` alone; an adapter such as `prometheus(register)`, for that as well; or both with a prefix and
   * labels. Default: none are kept.
   */
  metrics?: boolean | Metrics | MetricsOptions
  /** A partition that is behind, and of which nothing was handed to a handler for so long, is told as `stalled`. Default 30,000 ms. */
  stallAfterMs?: number
  /** Another client for metadata, fetching and producing, or one that is shared; whoever made it closes it. */
  client?: LowLevelClient
  ownership?: OwnershipOptions
  fetch?: FetchSection
  work?: WorkOptions<T>
  offsets?: OffsetsOptions
}

/** What a route has of section `work`; null where an option has no default. */
export interface ResolvedRouteWork
  extends Required<Omit<RouteWorkOptions, 'filter' | 'expireAfterMs' | 'rate' | 'keyRate'>> {
  readonly filter: ((message: Message) => boolean) | null
  readonly expireAfterMs: number | null
  readonly rate: Rate | null
  readonly keyRate: Rate | null
}

export interface ResolvedWork extends ResolvedRouteWork {
  /** That of section `offsets`. */
  readonly mode: OffsetsMode
  readonly concurrency: number
  readonly perPartition: number
  readonly maxAbandoned: number
  readonly threads: number | null
  readonly breaker: ResolvedBreaker | null
  readonly transaction: ResolvedTransaction | null
}

/** All options with their defaults, checked. */
export interface ResolvedOptions extends ResolvedAccess {
  readonly group: string | null
  readonly rack: string | null
  readonly logger: Logger | null
  readonly logLevel: LogLevel
  readonly metrics: ResolvedMetrics | null
  readonly stallAfterMs: number
  readonly client: LowLevelClient | null
  readonly ownership: ResolvedOwnership
  readonly fetch: FetchOptions
  readonly work: ResolvedWork
  readonly offsets: Required<Omit<OffsetsOptions, 'storage'>> & { readonly storage: OffsetStorage | null }
}

const TOP = [
  ...accessNames,
  'group',
  'rack',
  'logger',
  'logLevel',
  'metrics',
  'stallAfterMs',
  'client',
  'ownership',
  'fetch',
  'work',
  'offsets',
]
const ROUTE_WORK: readonly (keyof RouteWorkOptions)[] = [
  'order',
  'timeoutMs',
  'abandonMs',
  'attempts',
  'backoff',
  'onFailure',
  'redeliverMs',
  'filter',
  'expireAfterMs',
  'rate',
  'keyRate',
  'priority',
]

/** @throws {OptionError} that names the first wrong option */
export function resolveOptions(options: ConsumerOptions): ResolvedOptions {
  const top = new SectionCheck('', options, TOP, { ssl: notSsl })
  const access = resolveAccess(top, options)
  const ownership = resolveOwnership(options.ownership)
  const grouped = top.string('group') !== undefined
  const offsets = resolveOffsets(options.offsets, grouped)
  const work = resolveWork(options.work, offsets.mode)
  if (grouped) checkDrain(ownership, work.abandonMs)
  const resolved = {
    ...access,
    group: top.string('group') ?? null,
    rack: top.string('rack') ?? null,
    logger: options.logger ?? null,
    logLevel: top.oneOf('logLevel', 'warn', ['debug', 'info', 'warn', 'error', 'silent']),
    metrics: resolveMetrics(options.metrics),
    stallAfterMs: top.number('stallAfterMs', 30_000, { min: 100, max: 2 ** 31 - 1 }),
    client: options.client ?? null,
    ownership,
    fetch: resolveFetch(options.fetch),
    work,
    offsets,
  }
  if (work.transaction !== null) checkBesideTransaction(resolved, options.offsets?.commitIntervalMs)
  return resolved
}

function resolveFetch(options: FetchSection | undefined): FetchOptions {
  const section = new SectionCheck('fetch', options, [
    'reservoir',
    'fetchers',
    'minBytes',
    'maxWaitMs',
    'maxBytes',
    'partitionMaxBytes',
    'isolation',
    'maxInflatedBytes',
    'onOutOfRange',
    'onCorrupt',
  ])
  const reservoir = new SectionCheck('fetch.reservoir', options?.reservoir, ['messages', 'bytes'])
  return {
    reservoir: {
      messages: reservoir.number('messages', 5_000, { min: 1 }),
      bytes: reservoir.number('bytes', 64 * MiB, { min: 1 }),
    },
    fetchers: section.number('fetchers', 1, { min: 1, max: 64 }),
    minBytes: section.number('minBytes', 1, { min: 0, max: 2 ** 31 - 1 }),
    maxWaitMs: section.number('maxWaitMs', 500, { min: 0, max: 2 ** 31 - 1 }),
    maxBytes: section.number('maxBytes', 16 * MiB, { min: 1, max: 2 ** 31 - 1 }),
    partitionMaxBytes: section.number('partitionMaxBytes', MiB, { min: 1, max: 2 ** 31 - 1 }),
    isolation: section.oneOf('isolation', 'read_committed', ['read_committed', 'read_uncommitted']),
    maxInflatedBytes: section.number('maxInflatedBytes', 64 * MiB, { min: 1 }),
    onOutOfRange: section.oneOf('onOutOfRange', undefined, ['fail', 'earliest', 'latest']),
    onCorrupt: section.oneOf('onCorrupt', 'fail', ['fail', 'skip']),
  }
}

function resolveWork(options: WorkOptions | undefined, mode: OffsetsMode): ResolvedWork {
  const once = mode === 'at-most-once'
  const section = new SectionCheck('work', options, [
    ...ROUTE_WORK,
    'concurrency',
    'perPartition',
    'maxAbandoned',
    'threads',
    'breaker',
    'transaction',
  ])
  const shared = resolveRouteWork('work', routePart(options), {
    order: 'key',
    timeoutMs: 60_000,
    abandonMs: 5_000,
    attempts: once ? 1 : 3,
    backoff: exponential(500, 30_000),
    onFailure: once ? 'skip' : 'stop',
    redeliverMs: 30_000,
    filter: null,
    expireAfterMs: null,
    rate: null,
    keyRate: null,
    priority: 0,
  })
  if (once) checkOnce('work', shared, null)
  const concurrency = section.number('concurrency', 16, { min: 1 })
  return {
    ...shared,
    mode,
    concurrency,
    perPartition: section.number('perPartition', Number.POSITIVE_INFINITY, { min: 1 }),
    maxAbandoned: section.number('maxAbandoned', 64, { min: 1 }),
    threads: resolveThreads(section, concurrency),
    breaker: resolveBreaker(options?.breaker),
    transaction: resolveTransaction(options?.transaction),
  }
}

function resolveThreads(section: SectionCheck, concurrency: number): number | null {
  const threads = section.optional('threads', { min: 1, max: 1_024 }) ?? null
  if (threads === null || threads <= concurrency) return threads
  throw section.wrong('threads', `at most work.concurrency, which is ${concurrency}`)
}

function routePart(options: WorkOptions | undefined): RouteWorkOptions {
  const names: ReadonlySet<string> = new Set(ROUTE_WORK)
  return Object.fromEntries(Object.entries(options ?? {}).filter(([name]) => names.has(name)))
}

/** The options of one route, the section's own values being their defaults. */
export function resolveRouteWork(
  path: string,
  options: RouteWorkOptions | undefined,
  defaults: ResolvedRouteWork,
): ResolvedRouteWork {
  const section = new SectionCheck(path, options, ROUTE_WORK)
  const onFailure = options?.onFailure ?? defaults.onFailure
  if (typeof onFailure !== 'function' && !isSink(onFailure)) {
    section.oneOf('onFailure', defaults.onFailure, ['skip', 'leave', 'hold', 'skip-and-stop', 'stop'])
  }
  const backoff = options?.backoff ?? defaults.backoff
  if (typeof backoff !== 'function' || typeof backoff.maxMs !== 'number') {
    throw section.wrong('backoff', 'exponential(minMs, maxMs), constant(ms), or a function with a maxMs')
  }
  const filter = options?.filter ?? defaults.filter
  if (filter !== null && typeof filter !== 'function') throw section.wrong('filter', 'a function of a message')
  return {
    order: section.oneOf('order', defaults.order, ['key', 'partition', 'none']),
    timeoutMs: section.number('timeoutMs', defaults.timeoutMs, { min: 1 }),
    abandonMs: section.number('abandonMs', defaults.abandonMs, { min: 0 }),
    attempts: section.number('attempts', defaults.attempts, { min: 1 }),
    backoff,
    onFailure,
    redeliverMs: section.number('redeliverMs', defaults.redeliverMs, { min: 0 }),
    filter,
    expireAfterMs: section.optional('expireAfterMs', { min: 1 }) ?? defaults.expireAfterMs,
    rate: options?.rate === undefined ? defaults.rate : resolveRate(`${path}.rate`, options.rate),
    keyRate: options?.keyRate === undefined ? defaults.keyRate : resolveRate(`${path}.keyRate`, options.keyRate),
    priority: section.number('priority', defaults.priority, { min: -1_000, max: 1_000 }),
  }
}

function resolveOffsets(options: OffsetsOptions | undefined, grouped: boolean): ResolvedOptions['offsets'] {
  const section = new SectionCheck('offsets', options, [
    'mode',
    'start',
    'commitIntervalMs',
    'maxCommitAgeMs',
    'metadataLimit',
    'storage',
  ])
  const start = options?.start ?? 'earliest'
  if (!isStart(start)) throw section.wrong('start', "'earliest', 'latest', { timestamp: ms } or { offset }")
  const storage = options?.storage ?? null
  if (storage !== null && !grouped)
    throw new OptionError('offsets.storage needs a group: the name its offsets are kept under')
  const mode = section.oneOf('mode', 'at-least-once', ['at-least-once', 'at-most-once'])
  if (mode === 'at-most-once' && !grouped)
    throw new OptionError("offsets.mode 'at-most-once' needs a group: without one nothing is committed")
  return {
    mode,
    start,
    commitIntervalMs: section.number('commitIntervalMs', 1_000, { min: 1 }),
    maxCommitAgeMs: section.number('maxCommitAgeMs', 300_000, { min: 1 }),
    metadataLimit: section.number('metadataLimit', 4_096, { min: 0, max: 32_767 }),
    storage,
  }
}

export function isStart(value: unknown): value is StartPosition {
  if (value === 'earliest' || value === 'latest') return true
  if (typeof value !== 'object' || value === null) return false
  const given = 'timestamp' in value ? value.timestamp : 'offset' in value ? value.offset : undefined
  return typeof given === 'number' && Number.isSafeInteger(given) && given >= 0
}
