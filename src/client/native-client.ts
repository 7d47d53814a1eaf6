import { ClosedError, ConnectionError, RequestTimeoutError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import type { Requests, Responses } from '../protocol/messages.ts'
import { Bootstrap } from './bootstrap.ts'
import { type BrokerState, Brokers } from './brokers.ts'
import { longestMs, type Question } from './call.ts'
import { Coordinators, type CoordinatorType } from './coordinators.ts'
import { within } from './deadline.ts'
import { type DeletedRecords, type DeleteRecordsQuery, deleteRecords } from './delete-records.ts'
import { offsetsForLeaderEpoch } from './epoch-ends.ts'
import { fetchBatches } from './fetch-call.ts'
import { FetchSession } from './fetch-session.ts'
import type { Link, Role } from './link.ts'
import { listOffsets } from './list-offsets.ts'
import type {
  ClusterMetadata,
  EpochEnd,
  EpochQuery,
  FetchAnswer,
  FetchPartition,
  FetchQuery,
  FoundOffset,
  Isolation,
  LowLevelClient,
  OffsetQuery,
  ProduceBatch,
  ProducedBatch,
  ProduceOptions,
} from './low-level-client.ts'
import { type Leader, Metadata } from './metadata.ts'
import { type ClientOptions, resolveOptions, type Settings } from './options.ts'
import { produce } from './produce-call.ts'
import type { Router } from './routing.ts'

/**
 * Who is asked. `'any'`: whichever broker has the least to do; when it fails or is silent, another is asked, so it is for requests
 * that may be repeated. `connection` counts the connections of one role from 0: what is parked for long (a join) has one of its own.
 */
export type Target =
  | 'any'
  | 'controller'
  | { readonly nodeId: number; readonly role?: Role; readonly connection?: number }
  | { readonly group: string; readonly connection?: number }
  | { readonly transactionalId: string }

export interface SendOptions {
  /** From asking to answer, looking up whom to ask included. Default `requestTimeoutMs`. */
  readonly timeoutMs?: number
  /** Versions of the API that will do; default all that are known here. */
  readonly minVersion?: number
  readonly maxVersion?: number
  /** The call rejects with the signal's reason; an answer that comes later is dropped. */
  readonly signal?: AbortSignal
}

export interface ClientState {
  readonly brokers: readonly BrokerState[]
  /** Why metadata could not be refreshed at the last attempt, such as that no broker can be reached; null when it could. */
  readonly metadataError: Error | null
}

/**
 * Kafka over sockets. It connects when it is asked for something and reconnects by itself; each connection waits longer and longer
 * between attempts. No request is sent twice by it, except to look things up (`metadata`, `listOffsets`, `offsetsForLeaderEpoch`)
 * and to `'any'`.
 *
 * Calls reject with a `ConnectionError`, `RequestTimeoutError`, `KafkaError`, `UnsupportedVersionError`, `QueueFullError`,
 * `AnswerError`, `AuthenticationError`, `TlsError` or `ClosedError`.
 */
export class NativeClient implements LowLevelClient {
  readonly #settings: Settings
  readonly #bootstrap: Bootstrap
  readonly #brokers: Brokers
  readonly #metadata: Metadata
  readonly #coordinators: Coordinators
  /** @internal For the calls of this folder that go to several brokers. */
  readonly router: Router
  readonly #fetchSessions = new WeakMap<Link, FetchSession>()
  readonly #aborter = new AbortController()
  #closing: Promise<void> | null = null

  /** Throws an `OptionError`; nothing is connected yet. */
  constructor(options: ClientOptions) {
    this.#settings = resolveOptions(options)
    warnOfOpenDoors(this.#settings)
    this.#bootstrap = new Bootstrap(this.#settings)
    this.#brokers = new Brokers(this.#settings)
    this.#metadata = new Metadata(this.#settings, this.#brokers, this.#bootstrap)
    this.#coordinators = new Coordinators(this.#settings, {
      ask: question => this.#askAny(question),
      found: address => this.#brokers.add(address),
    })
    this.router = {
      settings: this.#settings,
      metadata: this.#metadata,
      signal: this.#aborter.signal,
      ask: async (nodeId, question) => this.#link(nodeId, 'general', 0).send(question),
      brokerName: nodeId => this.#brokers.nameOf(nodeId),
    }
  }

  /**
   * Finds the cluster: tries each entry of `brokers`, and of each all addresses. When all fail it rejects with one error that names
   * every address and its cause, and may be called again.
   */
  async connect(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#aborter.signal.throwIfAborted()
    // Bounded by the time that all addresses take, so that the error can tell of each.
    if (this.#brokers.known.length === 0) await this.#metadata.refresh([], longestMs, options.signal)
  }

  /**
   * Any request of the protocol, in the highest version that both sides have; where the body depends on the version, it is given as a
   * function of it.
   */
  async send<N extends ApiName>(
    target: Target,
    name: N,
    body: Requests[N] | ((version: number) => Requests[N]),
    options: SendOptions = {},
  ): Promise<Responses[N]> {
    const { timeoutMs = this.#settings.requestTimeoutMs, minVersion, maxVersion, signal } = options
    const silent = name === 'Produce' && 'acks' in body && body.acks === 0
    const question: Question<N, Responses[N]> = {
      name,
      body: typeof body === 'function' ? body : () => body,
      read: answer => answer,
      keepsFrame: true,
      timeoutMs,
      minVersion,
      maxVersion,
      signal,
      unanswered: silent ? () => noProduceAnswer as Responses[N] : undefined,
    }
    return this.#ask(target, question)
  }

  async metadata(topics: readonly string[] | 'all'): Promise<ClusterMetadata> {
    this.#aborter.signal.throwIfAborted()
    return this.#metadata.refresh(topics)
  }

  /** Who leads this partition by the metadata at hand, without asking; null while that is not known. */
  leaderOf(topic: string, partition: number): Leader | null {
    return this.#metadata.leaderOf(topic, partition)
  }

  /** Topics whose id is given, or known from `metadata()`, are asked for by id where the broker has ids. */
  async fetch(query: FetchQuery, signal?: AbortSignal): Promise<FetchAnswer> {
    this.#metadata.refreshIfStale()
    const ids = this.#topicIds(query)
    const { clock, requestTimeoutMs } = this.#settings
    const timeoutMs = query.maxWaitMs + requestTimeoutMs
    try {
      const link = this.#link(query.nodeId, 'fetch', query.connection)
      const session = this.#fetchSessions.get(link) ?? new FetchSession()
      this.#fetchSessions.set(link, session)
      const answer = await fetchBatches({ query, ids, link, session, clock, timeoutMs, signal })
      const stale = answer.partitions.filter(({ error }) => error?.retriable)
      if (stale.length > 0) this.#metadata.refreshSoon([...new Set(stale.map(({ topic }) => topic))])
      return answer
    } catch (thrown) {
      if (thrown instanceof KafkaError) this.#metadata.refreshSoon([...ids.keys()])
      throw thrown
    }
  }

  #topicIds({ partitions }: FetchQuery): Map<string, string | null> {
    const ids = new Map<string, string | null>()
    let last: FetchPartition | null = null
    for (const partition of partitions) {
      const { topic, topicId } = partition
      if (topic === last?.topic && topicId === last.topicId) continue
      last = partition
      // Looked at also when the id is given: metadata in use is refreshed.
      const known = this.#metadata.topic(topic)
      ids.set(topic, topicId ?? known?.topicId ?? null)
    }
    return ids
  }

  async listOffsets(queries: readonly OffsetQuery[], isolation: Isolation): Promise<readonly FoundOffset[]> {
    this.#aborter.signal.throwIfAborted()
    return listOffsets(this.router, queries, isolation)
  }

  async offsetsForLeaderEpoch(queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]> {
    this.#aborter.signal.throwIfAborted()
    return offsetsForLeaderEpoch(this.router, queries)
  }

  /** Routed like `listOffsets`. */
  async deleteRecords(queries: readonly DeleteRecordsQuery[]): Promise<readonly DeletedRecords[]> {
    this.#aborter.signal.throwIfAborted()
    return deleteRecords(this.router, queries)
  }

  /** `timeoutMs`, default `requestTimeoutMs`, is also how long the leader waits for its replicas. */
  async produce(batches: readonly ProduceBatch[], options: ProduceOptions = {}): Promise<readonly ProducedBatch[]> {
    this.#aborter.signal.throwIfAborted()
    this.#metadata.refreshIfStale()
    const { acks = -1, timeoutMs = this.#settings.requestTimeoutMs, transaction = null } = options
    return produce(this.router, batches, { acks, timeoutMs, transaction })
  }

  /** Node id of the broker that coordinates this group, looked up once and remembered. */
  async coordinatorOf(group: string): Promise<number> {
    this.#aborter.signal.throwIfAborted()
    return this.#coordinators.find('group', group)
  }

  /** The coordinator of this group is looked up again: for `COORDINATOR_NOT_AVAILABLE`, `NOT_COORDINATOR` and the like. */
  forgetCoordinator(group: string): void {
    this.#coordinators.forget('group', group)
  }

  /** The same for a transactional id. */
  forgetTransactionCoordinator(transactionalId: string): void {
    this.#coordinators.forget('transaction', transactionalId)
  }

  state(): ClientState {
    return { brokers: this.#brokers.state(), metadataError: this.#metadata.error }
  }

  /** Rejects what is under way with a `ClosedError`; resolves when no socket and no timer is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close(new ClosedError('The Kafka client'))
    return this.#closing
  }

  async #close(reason: Error): Promise<void> {
    this.#aborter.abort(reason)
    this.#coordinators.close(reason)
    this.#bootstrap.close(reason)
    await this.#brokers.close(reason)
    await this.#metadata.idle()
  }

  #link(nodeId: number, role: Role, connection: number): Link {
    this.#aborter.signal.throwIfAborted()
    try {
      return this.#brokers.link(nodeId, role, connection)
    } catch (thrown) {
      this.#metadata.refreshSoon([])
      throw thrown
    }
  }

  async #ask<N extends ApiName, T>(target: Target, question: Question<N, T>): Promise<T> {
    this.#aborter.signal.throwIfAborted()
    if (target === 'any') return this.#askAny(question)
    const rest = this.#withRest(question)
    if (target === 'controller') {
      if (this.#metadata.controller < 0) await this.#metadata.refresh([], question.timeoutMs, question.signal)
      return this.#link(this.#metadata.controller, 'general', 0).send(rest())
    }
    if ('nodeId' in target) {
      const { nodeId, role = 'general', connection = 0 } = target
      if (!this.#brokers.has(nodeId)) await this.#metadata.refresh([], question.timeoutMs, question.signal)
      return this.#link(nodeId, role, connection).send(rest())
    }
    return 'group' in target
      ? this.#askCoordinator('group', target.group, target.connection ?? 0, question)
      : this.#askCoordinator('transaction', target.transactionalId, 0, question)
  }

  async #askAny<N extends ApiName, T>(question: Question<N, T>): Promise<T> {
    const rest = this.#withRest(question)
    if (this.#brokers.known.length > 0) {
      try {
        return await this.#brokers.ask(question)
      } catch (thrown) {
        if (!(thrown instanceof ConnectionError)) throw thrown
      }
    }
    // Falls back to the addresses in the options.
    await this.#metadata.refresh([], rest().timeoutMs, question.signal)
    return this.#brokers.ask(rest(), true)
  }

  async #askCoordinator<N extends ApiName, T>(
    type: CoordinatorType,
    key: string,
    connection: number,
    question: Question<N, T>,
  ): Promise<T> {
    const { clock } = this.#settings
    const rest = this.#withRest(question)
    const { name, timeoutMs, signal } = question
    const late = () =>
      new RequestTimeoutError(
        `No ${name} within ${Math.round(timeoutMs)} ms: the coordinator of ${type} ${key} was not found`,
      )
    const nodeId = await within(clock, timeoutMs, this.#coordinators.find(type, key), late, signal)
    try {
      return await this.#link(nodeId, 'coordinator', connection).send(rest())
    } catch (thrown) {
      if (thrown instanceof ConnectionError) this.#coordinators.forget(type, key)
      throw thrown
    }
  }

  /** The question with what is left of its time, whenever that is asked for, in whole milliseconds as timers have them. */
  #withRest<N extends ApiName, T>(question: Question<N, T>): () => Question<N, T> {
    const { clock } = this.#settings
    const deadline = clock.now() + question.timeoutMs
    return () => ({ ...question, timeoutMs: Math.max(1, Math.ceil(deadline - clock.now())) })
  }
}

function warnOfOpenDoors({ tls, credentials, logger }: Settings): void {
  if (tls?.unverified) {
    logger.warn({}, 'tls.rejectUnauthorized is false: whoever is in between can pass for a broker')
  }
  if (tls === null && credentials?.readable) {
    const { mechanism } = credentials
    const why = 'whoever sees the network can read what this client authenticates with'
    logger.warn({ mechanism }, `${mechanism} without TLS: ${why}`)
  }
}

const noProduceAnswer: Responses['Produce'] = { responses: [], throttleTimeMs: 0, nodeEndpoints: [] }
