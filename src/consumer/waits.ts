import { partitionName } from '../base/topic-partition.ts'
import type { CommitState } from '../offsets/commit-loop.ts'
import type { Circuit } from '../work/circuit.ts'
import type { WorkClaim } from '../work/claim.ts'
import type { IntakeState, RunningHandler, TimedWait, TimedWaits } from '../work/intake-state.ts'
import type { AnyMessage, Claim } from './claim.ts'
import type { Engine } from './engine.ts'
import type { Wait } from './state.ts'

/**
 * What waits for what, at one moment: what is common to all partitions is looked at once. `state()`, the stall watch and health checks
 * all ask here.
 */
export class Waits {
  readonly #engine: Engine
  readonly #commits: CommitState | null
  readonly #timed: ReadonlyMap<WorkClaim<AnyMessage>, TimedWaits>
  /** Undefined: nobody asked. */
  #longest: RunningHandler | null | undefined

  constructor(engine: Engine, commits: CommitState | null) {
    this.#engine = engine
    this.#commits = commits
    this.#timed = engine.dispatcher.timed()
  }

  /** What keeps this partition from being handled; empty when nothing does. */
  of(claim: Claim): Wait[] {
    const work = this.#engine.dispatcher.state(claim)
    const found = [...this.#fetching(claim), ...this.#ownership(claim), ...this.#commit(claim)]
    if (work !== undefined) found.push(...this.#work(claim, work))
    const stalled = this.#engine.stallWatch.stalledSince(claim) !== null
    return found.length === 0 && stalled ? [this.#broker(claim)] : found
  }

  #fetching(claim: Claim): Wait[] {
    const found: Wait[] = []
    const state = this.#engine.fetching.state(claim)
    if (state === null) found.push({ for: 'offsets', since: null, cause: null })
    else if (state.phase !== 'fetching' && state.phase !== 'paused') {
      found.push({ for: state.phase, since: state.since, cause: state.error?.message ?? null })
    }
    if (claim.paused) found.push({ for: 'paused', since: null, cause: null })
    const { lastStableOffset, highWatermark, position, messages } = claim.reservoir
    const { isolation } = this.#engine.options.fetch
    const readAll = messages === 0 && lastStableOffset >= 0 && position >= lastStableOffset
    if (isolation === 'read_committed' && readAll && lastStableOffset < highWatermark) {
      const cause = `a transaction that began at offset ${lastStableOffset} or before is neither committed nor aborted`
      found.push({ for: 'transaction', since: state?.openTransaction?.since ?? null, cause })
    }
    return found
  }

  #ownership(claim: Claim): Wait[] {
    const { ownership } = this.#engine
    const found: Wait[] = []
    if (claim.draining) found.push({ for: 'draining', since: null, cause: null })
    if (ownership.lease?.open === false) {
      const { membership } = ownership.state()
      const cause = membership === null ? null : `${membership.phase}${membership.cause ? `: ${membership.cause}` : ''}`
      found.push({ for: 'lease', since: membership?.lastHeartbeatAt ?? null, cause })
    }
    return found
  }

  #commit(claim: Claim): Wait[] {
    const failing = { since: this.#commits?.failingSince ?? null, cause: this.#commits?.error?.message ?? null }
    const found: Wait[] = []
    if (claim.dueAt !== null) {
      const cause = `its next message is to be handled at ${new Date(claim.dueAt).toISOString()}`
      found.push({ for: 'due', since: null, cause })
    }
    if (claim.circuit !== null && claim.circuit.phase !== 'closed') found.push(this.#circuit(claim.circuit))
    if (claim.awaitingCommit) found.push({ for: 'first-commit', ...failing })
    if (claim.ungranted >= 0) {
      const { since, cause } = failing
      const what = `offset ${claim.ungranted} is handled once a commit above it is acknowledged`
      found.push({ for: 'commits', since, cause: cause === null ? what : `${what}: ${cause}` })
    } else if (this.#commits?.overdue) found.push({ for: 'commits', ...failing })
    return found
  }

  #circuit({ phase, since, until }: Circuit): Wait {
    const at = until === null ? null : new Date(this.#engine.wallTime(until)).toISOString()
    const what = phase === 'open' ? 'too many messages failed' : 'one message probes'
    const cause = at === null ? what : `${what}; one probes at ${at}`
    return { for: 'circuit', since: this.#engine.wallTime(since), cause }
  }

  #work(claim: Claim, work: IntakeState): Wait[] {
    const { attempts, held, left, paced, batch } = this.#timed.get(claim) ?? {}
    const found: Wait[] = []
    if (work.blocked === 'undone' || work.blocked === 'lookahead') {
      found.push({ for: work.blocked, since: null, cause: null })
    }
    if (claim.reservoir.barred) found.push(this.#heavy(claim))
    if (this.#engine.transactions?.hasRoom === false) {
      const cause = 'what handlers sent waits to be written in the next transaction'
      found.push({ for: 'outputs', since: null, cause })
    }
    if (claim.full) {
      const { metadataLimit } = this.#engine.options.offsets
      const cause = `what is done above offset ${claim.lowest} fits no longer into the metadata of its commit (offsets.metadataLimit is ${metadataLimit})`
      found.push({ for: 'gaps', since: null, cause })
    }
    const timed = [attempts, held, left, paced, batch].reduce((sum, wait) => sum + (wait?.messages ?? 0), 0)
    const handlers = this.#handlers(claim, work, work.waiting > timed)
    if (handlers !== null) found.push(handlers)
    if (attempts !== undefined) found.push(this.#due('attempts', attempts, 'to be tried again'))
    const { shelved = 0, heldUntil = null } = this.#engine.dispatcher.marks(claim) ?? {}
    if (heldUntil !== null && (work.waiting > 0 || claim.reservoir.messages > 0)) {
      const at = new Date(this.#engine.wallTime(heldUntil)).toISOString()
      found.push({ for: 'rate', since: null, cause: `work.rate lets the next message start at ${at}` })
    }
    if (paced !== undefined) found.push(this.#due('rate', paced, 'to start at the rate of their key'))
    if (held !== undefined) found.push(this.#due('held', held, 'held'))
    if (left !== undefined) found.push(this.#due('left', left, 'left'))
    if (shelved > 0) {
      const cause = `${shelved} left or held after their handlers were abandoned: they come again in another process`
      found.push({ for: 'abandoned', since: null, cause })
    }
    return found
  }

  /** `parked`: some of its messages wait for others of the partition. */
  #handlers(claim: Claim, { inFlight, waiting }: IntakeState, parked: boolean): Wait | null {
    const { dispatcher, options } = this.#engine
    const { concurrency, perPartition } = options.work
    if (claim.reservoir.messages === 0 && waiting === 0) return null
    if (dispatcher.running >= concurrency) {
      this.#longest = this.#longest === undefined ? dispatcher.longest(null) : this.#longest
      return this.#running(`${dispatcher.running} of ${concurrency} handlers run`, this.#longest)
    }
    if (inFlight >= perPartition) {
      return this.#running(`${inFlight} of ${perPartition} handlers of this partition run`, dispatcher.longest(claim))
    }
    if (inFlight > 0 && parked) return this.#running('a message in front is in its handler', dispatcher.longest(claim))
    return null
  }

  #running(what: string, longest: RunningHandler | null): Wait {
    if (longest === null) return { for: 'handlers', since: null, cause: what }
    const { topic, partition, offset, since } = longest
    const cause = `${what}, that of ${partitionName(topic, partition)} offset ${offset} longest`
    return { for: 'handlers', since: this.#engine.wallTime(since), cause }
  }

  #due(reason: Wait['for'], { messages, offset, due }: TimedWait, what: string): Wait {
    const at = new Date(this.#engine.wallTime(due)).toISOString()
    const cause = `${messages} ${what}; the first to come, offset ${offset}, at ${at}`
    return { for: reason, since: null, cause }
  }

  #heavy({ reservoir }: Claim): Wait {
    const { mostDetached, limit } = this.#engine.fetching.budget
    const cause = `messages that wait for long (attempts, held, left, rate) take more than ${mostDetached} bytes (fetch.reservoir.bytes is ${limit}), ${reservoir.detachedBytes} of them here`
    return { for: 'memory', since: null, cause }
  }

  /** It stands still although nothing here holds it up. */
  #broker(claim: Claim): Wait {
    const { budget } = this.#engine.fetching
    if (claim.reservoir.messages === 0 && budget.free <= 0) {
      const cause = `${budget.held} of ${budget.limit} bytes are held by other partitions, or reserved for their fetches`
      return { for: 'memory', since: null, cause }
    }
    const node = this.#engine.fetching.state(claim)?.fetchedFrom ?? -1
    return { for: 'broker', since: null, cause: `node ${node} has not answered with its messages` }
  }
}

/** For people: `handlers (16 of 16 handlers run, that of orders[3] offset 17 longest), for 31 s`. */
export function describeWait({ for: reason, since, cause }: Wait, wallTime: number): string {
  const why = cause === null ? '' : ` (${cause})`
  const age = since === null ? '' : `, for ${Math.max(0, Math.round((wallTime - since) / 1_000))} s`
  return `${reason}${why}${age}`
}
