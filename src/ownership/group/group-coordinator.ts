import type { Backoff } from '../../base/backoff.ts'
import { sleep } from '../../base/clock.ts'
import { MillraceError, toError } from '../../base/errors.ts'
import { partitionName, type TopicPartition } from '../../base/topic-partition.ts'
import { errorCodes, isCoordinatorError, type KafkaError, kafkaError } from '../../protocol/error-codes.ts'
import type { JoinGroupResponse } from '../../protocol/messages.ts'
import type { Assignor } from '../assignors/assignor.ts'
import { decodeAssignment, encodeSubscription } from '../consumer-protocol.ts'
import type { AssignedPartition, ConsumerCoordinator, OwnershipListener, OwnershipState } from '../coordinator.ts'
import { TopicWatch, type TopicWatchParts } from '../topic-watch.ts'
import { FollowedTopics } from './followed-topics.ts'
import { GroupCalls } from './group-calls.ts'
import type { GroupClient } from './group-client.ts'
import { groupRefusal } from './group-error.ts'
import { Heartbeats } from './heartbeats.ts'
import { Leader } from './leader.ts'
import { Lease } from './lease.ts'
import { Lobby } from './lobby.ts'
import { type MemberIdentity, Membership } from './membership.ts'

/** Section `ownership` of the options, as far as groups need it. */
export interface GroupOptions {
  readonly group: string
  readonly strategies: readonly Assignor[]
  readonly instanceId: string | null
  /** Told to the leader of the group: strategies then prefer partitions with a replica in it (KIP-881). */
  readonly rack: string | null
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  readonly startup: { readonly minMembers: number; readonly waitMs: number }
}

export interface GroupCoordinatorParts extends TopicWatchParts {
  readonly groupClient: GroupClient
  readonly options: GroupOptions
  /** Waits between attempts to join. */
  readonly joinBackoff: Backoff
}

/** How long leaving may take: the group finds out by itself that a member is gone. */
const LEAVE_MS = 2_000

/** How often a leader that waits for more members hears whether one came. */
const HOLD_BEAT_MS = 250

/** What the group told about a rebalance. */
interface Joined {
  readonly identity: MemberIdentity
  readonly answer: JoinGroupResponse
  readonly assignor: Assignor
}

/**
 * A member of a group of Kafka's classic protocol (https://kafka.apache.org/protocol, KIP-429 for cooperative strategies). It runs
 * rounds: give up what an eager strategy gives up, join, assign if this member leads, take over the assignment, drain what is not in it
 * any more. Heartbeats go on beside them, and tell when another round is due.
 */
export class GroupCoordinator implements ConsumerCoordinator {
  readonly lease: Lease
  /** As whom offsets are committed. */
  readonly membership: Membership
  readonly #parts: GroupCoordinatorParts
  readonly #watch: TopicWatch
  readonly #topics: FollowedTopics
  readonly #calls: GroupCalls
  readonly #heartbeats: Heartbeats
  readonly #leader: Leader
  readonly #lobby: Lobby
  readonly #cooperative: boolean
  /** Nothing more is assigned. */
  readonly #stopped = new AbortController()
  /** No round begins or goes on. */
  readonly #ended = new AbortController()
  readonly #owned = new Map<string, TopicPartition>()
  #listener: OwnershipListener | null = null
  #running: Promise<void> = Promise.resolve()
  #losing: Promise<void> = Promise.resolve()
  #strategy: string | null = null
  #leads = false
  /** What was assigned last, for strategies that are told. */
  #last: readonly TopicPartition[] = []
  /** Why another round is due; null: it is not. */
  #reason: string | null = 'the consumer starts'
  #cause: string | null = null
  #wake: () => void = () => {}

  constructor(parts: GroupCoordinatorParts) {
    this.#parts = parts
    const { clock, logger, groupClient: client, options } = parts
    const { group, instanceId, sessionTimeoutMs, rebalanceTimeoutMs, heartbeatIntervalMs: intervalMs } = options
    this.#cooperative = options.strategies.every(({ protocol }) => protocol === 'cooperative')
    this.membership = new Membership(clock, instanceId)
    this.#watch = new TopicWatch(parts)
    this.#topics = new FollowedTopics(parts.subscription, logger)
    const { signal } = this.#ended
    this.#calls = new GroupCalls({ client, group, instanceId, sessionTimeoutMs, rebalanceTimeoutMs, signal })
    this.#leader = new Leader(parts.client, logger)
    this.#lobby = new Lobby(clock, options.startup)
    this.#heartbeats = new Heartbeats({
      client,
      group,
      clock,
      logger,
      intervalMs,
      sessionTimeoutMs,
      identity: () => this.membership.identity,
      // Who does not ask for its assignment in time is left out like one that does not join.
      acknowledged: (sentAt, rebalancing) =>
        this.lease.acknowledged(sentAt, rebalancing || this.membership.current === null),
      refused: (identity, errorCode) => this.refused(identity, errorCode),
    })
    this.lease = new Lease({
      clock,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      changed: open => this.#listener?.leaseChanged(open),
      doubted: () => this.#heartbeats.beat(),
    })
  }

  /** Resolves when the first assignment was taken over. */
  async start(listener: OwnershipListener): Promise<void> {
    this.#listener = listener
    await this.#watch.start({
      looked: async (topics, metadata) => {
        const changed = this.#topics.looked(topics)
        const recounted = this.#leader.changed(metadata)
        if (changed !== null) this.#want(changed)
        else if (recounted !== null) this.#want(`the partitions of ${recounted} are not as many as they were`)
      },
      others: () => this.#leader.topics,
      fatal: error => listener.fatal(error),
    })
    const first = Promise.withResolvers<void>()
    this.#running = this.#run(() => first.resolve())
    await Promise.race([first.promise, this.#running])
  }

  state(): OwnershipState {
    const { group, instanceId } = this.#parts.options
    const { memberId, generation, phase, since, rebalances, rebalancingMs } = this.membership
    return {
      coordinator: 'group',
      waiting: this.#watch.waiting,
      membership: {
        group,
        memberId,
        instanceId,
        generation,
        strategy: this.#strategy,
        leader: this.#leads,
        phase,
        since,
        cause: this.#cause ?? this.#reason,
        lastHeartbeatAt: this.lease.acknowledgedAt,
        rebalances,
        rebalancingMs,
        leaseOpen: this.lease.open,
      },
    }
  }

  topicMissing(): void {
    this.#watch.soon()
  }

  /** Rounds go on until `close`: what is owned could not be committed in a generation that ended meanwhile. */
  stop(): void {
    this.#watch.close()
    this.#stopped.abort()
  }

  async close({ leave }: { leave: boolean }): Promise<void> {
    const { clock } = this.#parts
    this.stop()
    this.#ended.abort(new MillraceError('CLOSED', 'the consumer leaves its group'))
    this.#wake()
    const closed = new AbortController()
    // A first join, which is not given up, may be without its answer.
    const late = sleep(clock, LEAVE_MS, closed.signal).catch(() => {})
    await Promise.race([Promise.all([this.#running, this.#losing]), late])
    closed.abort()
    const { memberId } = this.membership
    await this.#heartbeats.close()
    this.membership.become('left')
    this.membership.reset(false)
    if (!leave || memberId === '') return
    const { logger, options } = this.#parts
    await this.#calls.leave(memberId, 'the consumer was closed', LEAVE_MS).catch((error: unknown) => {
      const { message } = toError(error)
      logger.warn({ err: error, group: options.group }, `the group was not told that this member leaves: ${message}`)
    })
  }

  /** The group refused a heartbeat or a commit that was sent as `identity`. */
  refused(identity: MemberIdentity, errorCode: number): void {
    // Of a membership before this one: whatever it says, that is over.
    if (identity !== this.membership.identity) return
    const joins = this.#joins
    if (errorCode === errorCodes.REBALANCE_IN_PROGRESS) {
      // Expected while this member joins; while it drains, the next round comes after that.
      if (!joins) this.#want('the group rebalances')
    } else if (errorCode === errorCodes.UNKNOWN_MEMBER_ID) {
      this.#lose(errorCode)
    } else if (errorCode === errorCodes.ILLEGAL_GENERATION) {
      // Only who has joined can be in another generation: the answer that tells this member is on its way, or was lost.
      if (!joins) this.#lose(errorCode)
    } else {
      const error = this.#refusal(errorCode)
      if (!error.retriable) this.#fail(error)
    }
  }

  /** Whether the next round has begun, or is about to: nothing has to ask for it. */
  get #joins(): boolean {
    const { phase } = this.membership
    return phase === 'joining' || phase === 'waiting'
  }

  // ── rounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #run(firstRound: () => void): Promise<void> {
    const { clock, random, logger, joinBackoff, options } = this.#parts
    const { signal } = this.#ended
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#round()
        firstRound()
        failures = 0
        await this.#untilWanted()
      } catch (thrown) {
        if (signal.aborted) return
        const error = toError(thrown)
        if (!(error instanceof MillraceError && error.retriable)) {
          this.#fail(error)
          return
        }
        this.#cause = error.message
        this.membership.become('waiting')
        const level = error.code === 'REBALANCE_IN_PROGRESS' ? 'debug' : 'warn'
        logger[level]({ err: error, group: options.group }, `the group could not be joined: ${error.message}`)
        await sleep(clock, joinBackoff(++failures, random), signal).catch(() => {})
      }
    }
  }

  async #round(): Promise<void> {
    const { logger, options } = this.#parts
    const reason = this.#reason ?? 'the last attempt failed'
    this.#reason = null
    await this.#losing
    if (!this.#cooperative) await this.#revoke([...this.#owned.values()])
    this.membership.become('joining')
    const joined = await this.#join(reason)
    const { identity, answer, assignor } = joined
    this.membership.become('syncing')
    this.#heartbeats.beat()
    const assigned = await this.#sync(joined)
    this.#strategy = assignor.name
    this.#cause = null
    const { group } = options
    const { generation } = identity
    logger.info(
      { group, generation, strategy: assignor.name, leader: answer.leader, assigned: assigned.length },
      'joined',
    )
    await this.#takeOver(assigned)
  }

  async #untilWanted(): Promise<void> {
    if (this.#reason !== null || this.#ended.signal.aborted) return
    const woken = new Promise<void>(resolve => {
      this.#wake = resolve
    })
    await woken
  }

  #want(reason: string): void {
    this.#reason ??= reason
    this.#lobby.disturb()
    this.#wake()
  }

  async #join(reason: string): Promise<Joined> {
    const { clock, groupClient, options } = this.#parts
    for (let attempt = 1; ; attempt++) {
      this.#ended.signal.throwIfAborted()
      const sentAt = clock.now()
      const { memberId } = this.membership
      const answer = await this.#calls.join(memberId, this.#protocols(), reason).catch((thrown: unknown) => {
        groupClient.forgetCoordinator(options.group)
        throw thrown
      })
      const { errorCode, generationId, protocolName } = answer
      if (errorCode === errorCodes.MEMBER_ID_REQUIRED && attempt === 1) {
        this.membership.named(answer.memberId)
        continue
      }
      if (errorCode !== errorCodes.NONE) throw this.#roundFailed(errorCode)
      this.#missed(generationId)
      this.lease.joined(sentAt)
      const identity = this.membership.joined(generationId, answer.memberId)
      const assignor = options.strategies.find(({ name }) => name === protocolName)
      if (assignor === undefined) throw this.#refusal(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
      return { identity, answer, assignor }
    }
  }

  /** Rebalances go on without a static member that is late, which stays one: another may have been given what it owned. */
  #missed(generation: number): void {
    const { instanceId, identity } = this.membership
    const missed = identity !== null && generation > identity.generation + 1
    if (instanceId !== null && this.#owned.size > 0 && missed) this.#lose(errorCodes.ILLEGAL_GENERATION)
  }

  #protocols() {
    const { options } = this.#parts
    const owned = [...this.#owned.values()]
    const { generation } = this.membership
    const subscription = { topics: this.#topics.names, owned, generation, rack: options.rack }
    return options.strategies.map(assignor => {
      const userData = assignor.userData?.({ owned: this.#last, generation }) ?? null
      return { name: assignor.name, metadata: encodeSubscription({ ...subscription, userData }) }
    })
  }

  async #sync({ identity, answer, assignor }: Joined): Promise<readonly TopicPartition[]> {
    const { groupClient, options } = this.#parts
    this.#leads = answer.leader === answer.memberId
    if (!this.#leads) this.#leader.step()
    else if (this.membership.generation < 0 && this.#leader.begins(answer.members)) await this.#hold(answer)
    const assignments = this.#leads
      ? await this.#leader.assign(assignor, answer.members, answer.skipAssignment)
      : new Map<string, Buffer>()
    const synced = await this.#calls.sync(identity, assignor.name, assignments).catch((thrown: unknown) => {
      groupClient.forgetCoordinator(options.group)
      throw thrown
    })
    if (synced.errorCode !== errorCodes.NONE) throw this.#roundFailed(synced.errorCode)
    // It was lost meanwhile: what this assigns may be another's already.
    if (identity !== this.membership.identity) throw this.#again(errorCodes.UNKNOWN_MEMBER_ID)
    const { partitions } = decodeAssignment(synced.assignment)
    this.membership.synced()
    this.#heartbeats.quicken()
    return partitions
  }

  /** Waits for more members, so that the first assignment need not be undone at once. */
  async #hold({ members }: JoinGroupResponse): Promise<void> {
    if (!this.#lobby.isOpen(members.length)) return
    this.membership.become('holding')
    const beats = this.#parts.clock.every(HOLD_BEAT_MS, () => this.#heartbeats.beat())
    await this.#lobby.hold(this.#stopped.signal)
    beats.cancel()
    this.membership.become('syncing')
    if (this.#reason !== null) throw this.#again(errorCodes.REBALANCE_IN_PROGRESS)
  }

  /** What is new begins at once; what is gone is drained meanwhile, and then another round is due (KIP-429). */
  async #takeOver(assigned: readonly TopicPartition[]): Promise<void> {
    await this.#losing
    // Lost meanwhile: what was assigned may be another's already.
    if (this.membership.current === null) return
    const wanted = this.#topics.routed(assigned)
    const names = new Set(wanted.map(({ topic, partition }) => partitionName(topic, partition)))
    const added = wanted.filter(({ topic, partition }) => !this.#owned.has(partitionName(topic, partition)))
    const gone = [...this.#owned].filter(([name]) => !names.has(name)).map(([, partition]) => partition)
    this.#last = wanted
    await this.#assign(added)
    if (gone.length > 0) {
      await this.#revoke(gone)
      this.#want('partitions were given up')
    }
    if (this.membership.current !== null) this.membership.become('stable')
  }

  // ── what is owned ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #assign(partitions: readonly AssignedPartition[]): Promise<void> {
    if (partitions.length === 0 || this.#stopped.signal.aborted) return
    for (const each of partitions) this.#owned.set(partitionName(each.topic, each.partition), each)
    await this.#listener?.assigned(partitions)
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return
    this.membership.become('draining')
    await this.#listener?.revoked(partitions)
    for (const { topic, partition } of partitions) this.#owned.delete(partitionName(topic, partition))
  }

  /** The group gave away all that this member owned, or is about to. */
  #lose(errorCode: number): void {
    const { logger, options } = this.#parts
    const cause = kafkaError(errorCode, `membership of group ${options.group}`) as KafkaError
    const partitions = [...this.#owned.values()]
    this.membership.reset(errorCode === errorCodes.ILLEGAL_GENERATION)
    this.#owned.clear()
    this.lease.end()
    logger.warn(
      { err: cause, group: options.group, partitions: partitions.length },
      `out of the group: ${cause.message}`,
    )
    if (partitions.length > 0) {
      const before = this.#losing
      const losing = this.#listener?.lost(partitions)
      this.#losing = Promise.all([before, losing]).then(() => {})
    }
    if (!this.#joins) this.#want('the group did not count this member in any more')
  }

  // ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** JoinGroup or SyncGroup was refused: what that means for what is owned is seen to, and the answer ends the round. */
  #roundFailed(errorCode: number): MillraceError {
    const lost = errorCode === errorCodes.UNKNOWN_MEMBER_ID || errorCode === errorCodes.ILLEGAL_GENERATION
    if (lost) this.#lose(errorCode)
    if (isCoordinatorError(errorCode)) this.#parts.groupClient.forgetCoordinator(this.#parts.options.group)
    if (lost || errorCode === errorCodes.REBALANCE_IN_PROGRESS) return this.#again(errorCode)
    return this.#refusal(errorCode)
  }

  /** The round is to be made anew. */
  #again(errorCode: number): MillraceError {
    const { message } = kafkaError(errorCode, `joining group ${this.#parts.options.group}`) as KafkaError
    return new MillraceError('REBALANCE_IN_PROGRESS', message, { retriable: true })
  }

  #refusal(errorCode: number): MillraceError {
    const { group, instanceId, sessionTimeoutMs, strategies } = this.#parts.options
    const names = strategies.map(({ name }) => name).join(', ')
    return groupRefusal(errorCode, group, { instanceId, sessionTimeoutMs, strategies: names })
  }

  /** What is owned is another's from now on, or nobody's. The member id is kept, to leave with. */
  #fail(error: Error): void {
    const partitions = [...this.#owned.values()]
    this.#owned.clear()
    this.#ended.abort(error)
    this.lease.end()
    this.membership.reset(true)
    this.#cause = error.message
    if (partitions.length > 0) this.#losing = this.#listener?.lost(partitions) ?? this.#losing
    this.#listener?.fatal(error)
  }
}
