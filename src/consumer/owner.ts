import { type Clock, sleep } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { CommitLoop } from '../offsets/commit-loop.ts'
import type { AssignedPartition, OwnershipListener } from '../ownership/coordinator.ts'
import type { Claim } from './claim.ts'
import type { Claims } from './claims.ts'
import { commitWithin } from './commit-within.ts'
import type { Tell } from './events.ts'
import type { OwnershipCallback, ResolvedOwnership } from './ownership-options.ts'

/** What begins and ends with a claim: done by the engine. */
export interface ClaimKeeper {
  readonly claims: Claims
  /** A claim that hands out nothing yet. */
  own(partition: TopicPartition, route: number): Claim
  /** Looks up where they begin; then messages are handed out. */
  begin(claims: readonly Claim[]): void
  /** The same by the start policy, whatever was committed. */
  beginAnew(claim: Claim): void
  /** Hands out nothing more; handlers may end, then get their signal. */
  drain(claims: readonly Claim[]): Promise<number>
  /** They end now: running handlers get their signal, and what they answer is dropped. */
  abandon(claims: readonly Claim[]): void
  /** This one ends now, and there is another for the same partition, which hands out nothing yet. */
  replace(claim: Claim): Claim
  /** They end, and nothing runs for them. */
  release(claim: Claim): void
  /** Handlers may be started again. */
  wakeAll(): void
}

export interface OwnerParts {
  readonly keeper: ClaimKeeper
  readonly commits: CommitLoop | null
  readonly options: ResolvedOwnership
  readonly clock: Clock
  readonly logger: Logger
  readonly tell: Tell
  readonly fatal: (error: Error) => void
  /** How long a drain may take, ms: `drainMs` and the longest `abandonMs`. */
  readonly longestDrainMs: number
  /** The consumer is closed: no callback is waited for any more. */
  readonly ended: AbortSignal
}

/** How long parts of a release may take, ms. */
export interface ReleaseLimits {
  readonly commitMs: number
  readonly callbackMs: number
}

/** What the last commit may take, its repetitions included: with the callback it is what a rebalance has beside the drain. */
const COMMIT_MS = 3_000
const LEAST_CALLBACK_MS = 2_000

/**
 * Does what the coordinator says: claims partitions, drains and releases them, and calls the user in between. A release is: nothing is
 * started any more, handlers end or get their signal, what is done is committed, the user is told.
 */
export class Owner implements OwnershipListener {
  readonly #parts: OwnerParts
  /** Claims that are being released, until that is done. */
  readonly #releasing = new Map<Claim, Promise<void>>()
  /** Claims whose revocation the user was told. */
  readonly #told = new WeakSet<Claim>()

  constructor(parts: OwnerParts) {
    this.#parts = parts
  }

  async assigned(partitions: readonly AssignedPartition[]): Promise<void> {
    const { keeper, options, tell } = this.#parts
    const claims = partitions.map(each => {
      const claim = keeper.own(each, each.route)
      claim.added = each.added
      return claim
    })
    await this.#call('onAssigned', options.onAssigned, partitions, options.drainMs)
    tell('assigned', places(partitions))
    keeper.begin(claims.filter(claim => claim.live))
  }

  async revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const { keeper, clock, longestDrainMs } = this.#parts
    const claims = keeper.claims.of(partitions)
    const end = clock.now() + longestDrainMs
    await keeper.drain(claims)
    await this.release(claims, {
      commitMs: COMMIT_MS,
      get callbackMs() {
        return Math.max(LEAST_CALLBACK_MS, end - clock.now())
      },
    })
  }

  /** The end of a drain. What was lost meanwhile is left out, and what is being released already is waited for. */
  async release(claims: readonly Claim[], limits: ReleaseLimits): Promise<void> {
    const fresh = claims.filter(claim => !this.#releasing.has(claim))
    const others = claims.flatMap(claim => this.#releasing.get(claim) ?? [])
    const released = this.#release(fresh, limits).finally(() => {
      for (const claim of fresh) this.#releasing.delete(claim)
    })
    for (const claim of fresh) this.#releasing.set(claim, released)
    await Promise.all([released, ...others])
  }

  async #release(claims: readonly Claim[], limits: ReleaseLimits): Promise<void> {
    if (claims.length === 0) return
    const { keeper, commits, options, clock, logger, tell } = this.#parts
    commits?.giveBack(claims.filter(claim => claim.grant !== null))
    const error = commits === null ? null : await commitWithin(commits, claims, limits.commitMs, clock)
    if (error !== null)
      logger.warn({ err: error }, `what was done was not committed, and comes again: ${error.message}`)
    const live = () => claims.filter(claim => claim.live)
    const told = live()
    for (const claim of told) this.#told.add(claim)
    await this.#call('onRevoked', options.onRevoked, told, limits.callbackMs)
    const released = live()
    for (const claim of released) keeper.release(claim)
    if (released.length > 0) tell('revoked', places(released))
  }

  async lost(partitions: readonly TopicPartition[]): Promise<void> {
    const { keeper, options, tell } = this.#parts
    const claims = keeper.claims.of(partitions)
    keeper.abandon(claims)
    tell('lost', places(claims))
    // What is lost while the user still deals with its revocation was given up already.
    const untold = claims.filter(claim => !this.#told.has(claim))
    await this.#call('onLost', options.onLost, untold, options.drainMs)
  }

  /** There is another topic of the same name: what was owned is lost, and the same partition of the new one is owned. */
  async recreated(claim: Claim): Promise<void> {
    const { keeper, options, tell } = this.#parts
    const place = places([claim])
    const next = keeper.replace(claim)
    tell('lost', place)
    await this.#call('onLost', options.onLost, place, options.drainMs)
    if (!next.live) return
    await this.#call('onAssigned', options.onAssigned, place, options.drainMs)
    if (!next.live || next.draining) return
    tell('assigned', place)
    keeper.beginAnew(next)
  }

  leaseChanged(open: boolean): void {
    if (open) this.#parts.keeper.wakeAll()
  }

  fatal(error: Error): void {
    this.#parts.fatal(error)
  }

  async #call(
    name: 'onAssigned' | 'onRevoked' | 'onLost',
    callback: OwnershipCallback | null,
    partitions: readonly TopicPartition[],
    ms: number,
  ): Promise<void> {
    if (callback === null || partitions.length === 0) return
    const { clock, logger, fatal, ended } = this.#parts
    const over = new AbortController()
    const late = sleep(clock, ms, AbortSignal.any([over.signal, ended])).then(
      () =>
        logger.error({ afterMs: ms }, `ownership.${name} has not ended after ${ms} ms, and is not waited for any more`),
      () => {},
    )
    const called = (async () => {
      try {
        await callback(places(partitions))
      } catch (thrown) {
        const error = toError(thrown)
        logger.error({ err: error }, `ownership.${name} failed: ${error.message}`)
        // What it was to prepare is not there, so no message may be handled.
        if (name === 'onAssigned') fatal(error)
      }
    })()
    await Promise.race([called, late])
    over.abort()
  }
}

function places(partitions: readonly TopicPartition[]): TopicPartition[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition }))
}
