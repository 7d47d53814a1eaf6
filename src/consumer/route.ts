import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import { isTopicName } from '../base/topic-partition.ts'
import { describeMatch, type Match, namesIn } from '../ownership/subscription.ts'
import type { Message } from '../records/message.ts'
import { decoder } from '../serde/decoder.ts'
import type { Deserializer } from '../serde/serde.ts'
import { loadLibrary } from '../threads/library.ts'
import { END_MS, type ThreadPool } from '../threads/pool.ts'
import { ThreadedHandler } from '../threads/threads.ts'
import type { HandlerContext } from '../work/context.ts'
import type { OnFailure } from '../work/failure.ts'
import type { BatchBy, BatchLimits, Order, Route } from '../work/route.ts'
import { batchOf, type MessageBatch } from '../work/verdicts.ts'
import { checkOnce } from './at-most-once.ts'
import type { AnyMessage } from './claim.ts'
import { isSink, type OnFailureOption, type RetryPlace } from './failure-sink.ts'
import { type ResolvedRouteWork, type ResolvedWork, type RouteWorkOptions, resolveRouteWork } from './options.ts'
import { Sieve, type SieveParts } from './sieve.ts'

/** Handles one message. What it answers is ignored; the message is done when it returns or its promise resolves. */
export type Handler<K = Buffer | null, V = Buffer | null, C extends HandlerContext = HandlerContext> = (
  message: Message<K, V>,
  context: C,
) => unknown

/** What a handler made by `batch()` is given: its messages, and how to say of single ones what became of them. */
export type Batch<K = Buffer | null, V = Buffer | null> = MessageBatch<Message<K, V>>

/** Handles many messages at once; made by `batch()`. */
export interface BatchHandler<K = Buffer | null, V = Buffer | null, C extends HandlerContext = HandlerContext> {
  readonly limits: BatchLimits
  readonly handle: (batch: Batch<K, V>, context: C) => unknown
}

/** Options of one route. */
export interface RouteOptions<K, V> {
  /** What the key's bytes become. Default: the bytes. */
  key?: Deserializer<K>
  /** What the value's bytes become. Default: the bytes. */
  value?: Deserializer<V>
  /** Whether a pattern is for Kafka's internal topics too. Default false. */
  internal?: boolean
  /** Overrides of section `work`, for this route. */
  work?: RouteWorkOptions<Message<K, V>>
}

export interface BatchOptions {
  /**
   * Which messages may be in one batch. `'partition'` (the default): those of one partition. `'key'`: those of one key; those without one
   * are in batches of their own, of one partition. It needs the order `'key'`. `'route'`: any of the route, of all its partitions and
   * topics. It needs the order `'none'`.
   */
  by?: BatchBy
  /** Default 500, at most 100,000. */
  messages?: number
  /** Bytes of keys and values. Default 16 MiB. */
  bytes?: number
  /** How long its first message may wait for others, ms. Default 100. */
  lingerMs?: number
}

/**
 * A handler of many messages: a batch is handed over at the first limit that it reaches, in the order of partitions and offsets. It is one
 * unit of concurrency with one timeout; under order `'key'` it takes the lanes of all its keys.
 *
 * The handler may say of single messages that they are done, or failed. Of the others, all are done when it resolves, and fail when it
 * rejects: they are tried again together, and once their attempts are spent in halves, until what fails is alone.
 *
 * ```ts
 * batch({ messages: 100 }, async batch => {
 *   for (const message of batch) await save(message.value).catch(error => batch.fail(message, error))
 * })
 * ```
 */
export function batch<K = Buffer | null, V = Buffer | null, C extends HandlerContext = HandlerContext>(
  options: BatchOptions,
  handle: (batch: Batch<K, V>, context: C) => unknown,
): BatchHandler<K, V, C> {
  const section = new SectionCheck('batch', options, ['by', 'messages', 'bytes', 'lingerMs'])
  if ((handle as unknown) instanceof ThreadedHandler)
    throw new OptionError('batch(…) does not run in threads: threads(…) handles one message at a time')
  if (typeof handle !== 'function') throw new OptionError(`batch needs a handler, not ${describe(handle)}`)
  return {
    limits: {
      by: section.oneOf('by', 'partition', ['route', 'partition', 'key']),
      messages: section.number('messages', 500, { min: 1, max: 100_000 }),
      bytes: section.number('bytes', 16 * 1024 * 1024, { min: 1 }),
      lingerMs: section.number('lingerMs', 100, { min: 0 }),
    },
    handle,
  }
}

/** A route as it was given, checked as far as it can be without the section `work`. */
export interface RouteSpec {
  readonly match: Match
  readonly options: RouteOptions<unknown, unknown>
  readonly handler: Handler<unknown, unknown> | BatchHandler<unknown, unknown> | ThreadedHandler
  /** The retry topics that it reads, where it is for those alone, and the route that they are of. */
  readonly retries?: ReadonlyMap<string, RetryPlace>
  readonly retriesOf?: RouteSpec
}

/** @throws {OptionError} */
export function checkRoute(spec: RouteSpec): RouteSpec {
  checkMatch(spec.match)
  const { match, options, handler } = spec
  const section = new SectionCheck(`topic(${describeMatch(match)})`, options, ['key', 'value', 'internal', 'work'])
  section.oneOf('internal', false, [false, true])
  for (const name of ['key', 'value'] as const) {
    const serde = options[name]
    if (serde !== undefined && typeof serde.deserialize !== 'function')
      throw section.wrong(name, 'a serde such as json()')
  }
  const threaded = handler instanceof ThreadedHandler
  const sound = threaded || typeof handler === 'function' || (typeof handler === 'object' && 'limits' in handler)
  if (!sound) {
    throw new OptionError(
      `topic(${describeMatch(match)}) needs a handler: a function, batch(…) or threads(…), not ${describe(handler)}`,
    )
  }
  if (threaded) loadLibrary()
  return spec
}

/**
 * Who lost a partition unnoticed is refused as a member of the group; nobody is one who named partitions (KIP-447). What sends is here, and
 * handlers in threads do not reach it. A batch of several partitions may lose one of them.
 *
 * @throws {OptionError}
 */
export function checkTransactedRoute({ match, handler }: RouteSpec): void {
  const wrong = (what: string) => {
    throw new OptionError(`topic(${describeMatch(match)}) ${what}`)
  }
  if (typeof match === 'object' && 'partitions' in match)
    wrong('names partitions, and work.transaction needs a member of the group: name the topic')
  if (handler instanceof ThreadedHandler)
    wrong(
      'has its handler in threads, which cannot send in the transactions of work.transaction: leave out one of the two',
    )
  if (batchBy(handler) === 'route')
    wrong(
      "has a batch() by 'route', and with work.transaction a batch is done as a whole, or not at all: let it be by 'partition' or 'key'",
    )
}

function checkMatch(match: Match): void {
  const isPartition = (value: unknown) => Number.isInteger(value) && (value as number) >= 0
  const sound =
    isTopicName(match) ||
    match instanceof RegExp ||
    (Array.isArray(match) && match.length > 0 && match.every(isTopicName)) ||
    (typeof match === 'object' &&
      (('deny' in match && match.deny instanceof RegExp) ||
        ('partitions' in match &&
          isTopicName(match.topic) &&
          match.partitions.length > 0 &&
          match.partitions.every(isPartition))))
  if (sound) return
  throw new OptionError(
    `a route's match must be a topic name, a list of names, a RegExp, { deny: RegExp } or { topic, partitions: [0, …] }, ` +
      `not ${describe(match)}. Names have 1 to 249 letters, digits, dots, dashes and underscores`,
  )
}

/** A route of a consumer that runs. */
export interface ConsumerRoute {
  /**
   * As work sees it, once that is known which is asked about failures. `watched`: the same route, whose handler is watched; it sees nothing of
   * messages that are left out. `pool`: has the threads, if a route needs them.
   */
  readonly work: (
    onFailure: OnFailure<AnyMessage>,
    watched: (route: Route<AnyMessage>) => Route<AnyMessage>,
    pool: ThreadPool | null,
  ) => Route<AnyMessage>
  /** Whether its handler runs in threads. */
  readonly threaded: boolean
  readonly onFailure: OnFailureOption
  readonly abandonMs: number
  /** Null: every message is handled. */
  readonly sieve: Sieve | null
  /** Topics that it names, but for retry topics. */
  readonly names: readonly string[]
  /** The retry topics that it reads; null: it is no route of those. */
  readonly retries: ReadonlyMap<string, RetryPlace> | null
}

/**
 * The route of the topics where failures of another one wait; null: it has none.
 *
 * @throws {OptionError}
 */
export function retryRoute(spec: RouteSpec, work: ResolvedWork, group: string | null): RouteSpec | null {
  const { onFailure } = routeWork(spec, work)
  if (!isSink(onFailure) || onFailure.retryTopics === undefined) return null
  const { match } = spec
  const names = typeof match === 'object' && 'partitions' in match ? null : namesIn(match)
  if (names === null) {
    throw new OptionError(
      `retryTopic() needs a route of topics by name, whose retry topics are known; ${describeMatch(match)} is none`,
    )
  }
  if (group === null)
    throw new OptionError('retryTopic() needs a group: messages that wait are told from handled ones by its commits')
  const retries = new Map<string, RetryPlace>()
  for (const topic of names) {
    for (const [at, name] of onFailure.retryTopics(group, topic).entries()) retries.set(name, { topic, tier: at + 1 })
  }
  return { ...spec, match: [...retries.keys()], retries, retriesOf: spec }
}

/**
 * Its `abandonMs` is what work and drains wait for handlers after their signal: a handler in a thread is ended with that `END_MS` earlier.
 *
 * @throws {OptionError}
 */
export function routeWork({ match, options, handler }: RouteSpec, work: ResolvedWork): ResolvedRouteWork {
  const path = `topic(${describeMatch(match)}).work`
  const resolved = resolveRouteWork(path, options.work as RouteWorkOptions | undefined, work)
  const by = batchBy(handler)
  if (work.mode === 'at-most-once') checkOnce(path, resolved, by)
  if (by !== null) checkBatchOrder(by, resolved.order, path)
  if (resolved.keyRate !== null && by !== null) {
    throw new OptionError(`${path}.keyRate does not go with batch(…); ${path}.rate does`)
  }
  return handler instanceof ThreadedHandler ? { ...resolved, abandonMs: resolved.abandonMs + END_MS } : resolved
}

/** Null: the handler is for single messages. */
function batchBy(handler: RouteSpec['handler']): BatchBy | null {
  return typeof handler === 'function' || handler instanceof ThreadedHandler ? null : handler.limits.by
}

function checkBatchOrder(by: BatchBy, order: Order, path: string): void {
  const needs = by === 'route' ? 'none' : 'key'
  if (by === 'partition' || order === needs) return
  const why = by === 'route' ? 'batches that mix partitions keep no order' : 'each batch takes the turn of its key'
  throw new OptionError(`batch({ by: '${by}' }) needs ${path}.order '${needs}', not '${order}': ${why}`)
}

export function consumerRoute(
  spec: RouteSpec,
  work: ResolvedWork,
  parts: Pick<SieveParts, 'clock' | 'failed'>,
): ConsumerRoute {
  const { options, handler } = spec
  const { filter, expireAfterMs, onFailure, ...policy } = routeWork(spec, work)
  const sieve = filter === null && expireAfterMs === null ? null : new Sieve({ ...parts, filter, expireAfterMs })
  // What has waited for others of its key, or for another attempt, may have become too old meanwhile.
  const late = expireAfterMs === null ? null : sieve
  const once = work.mode === 'at-most-once'
  const common = { ...policy, once, family: spec.retriesOf ?? spec, decode: decoder(options.key, options.value) }
  return {
    sieve,
    onFailure,
    names: spec.retries === undefined ? (namesIn(spec.match) ?? []) : [],
    retries: spec.retries ?? null,
    abandonMs: policy.abandonMs,
    threaded: handler instanceof ThreadedHandler,
    work: (onFailure, watched, pool) => {
      const handled = watched({ ...common, onFailure, ...handling(spec, policy, pool) })
      return late === null ? handled : unexpired(handled, late)
    },
  }
}

/** Who handles: here, or in threads. */
function handling(
  { match, options, handler }: RouteSpec,
  { timeoutMs, abandonMs }: Pick<ResolvedRouteWork, 'timeoutMs' | 'abandonMs'>,
  threads: ThreadPool | null,
) {
  if (typeof handler === 'function') return { batch: null, handle: handler }
  if (!(handler instanceof ThreadedHandler)) return { batch: handler.limits, handle: handler.handle }
  // There is one as soon as a route is threaded.
  const pool = threads as ThreadPool
  const name = `topic(${describeMatch(match)})`
  const serdes = { key: options.key !== undefined, value: options.value !== undefined }
  const route = { name, module: handler.module, ...serdes, timeoutMs, abandonMs: abandonMs - END_MS }
  return { batch: null, handle: pool.handler(route), seats: pool.seats }
}

/** The same route, without what has become too old by the time it is to be decoded, or handled. */
function unexpired(route: Route<AnyMessage>, sieve: Sieve): Route<AnyMessage> {
  const { decode } = route
  const unexpiredDecode =
    decode === null ? null : (message: AnyMessage) => (sieve.expired(message) ? undefined : decode(message))
  if (route.batch === null) {
    const { handle } = route
    return {
      ...route,
      decode: unexpiredDecode,
      handle: (message: AnyMessage, context: HandlerContext) =>
        sieve.expired(message) ? undefined : handle(message, context),
    }
  }
  const { handle } = route
  return {
    ...route,
    decode: unexpiredDecode,
    handle: (batch: MessageBatch<AnyMessage>, context: HandlerContext) => {
      const old = new Set(batch.filter(message => sieve.expired(message)))
      if (old.size === 0) return handle(batch, context)
      // Whatever becomes of the others.
      for (const message of old) batch.done(message)
      const rest = batch.filter(message => !old.has(message))
      return rest.length === 0 ? undefined : handle(batchOf(rest, batch), context)
    },
  }
}
