import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { Budget } from '../../src/fetch/budget.ts'
import type { CommitLoop } from '../../src/offsets/commit-loop.ts'
import { gapBytes, gapSize, MOST_ADDED } from '../../src/offsets/gap-codec.ts'
import type { MetadataLimit } from '../../src/offsets/gaps.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import type { Dispatcher } from '../../src/work/dispatcher.ts'
import type { ClaimModel } from './claim-model.ts'
import type { Scenario } from './scenario.ts'
import type { SimulatedClaim } from './simulated-claim.ts'
import type { ProcessClock } from './simulated-clock.ts'

export interface ProcessModelParts {
  readonly scenario: Scenario
  /** Those it owns now. */
  readonly claims: ReadonlyMap<unknown, SimulatedClaim>
  readonly clock: ProcessClock
  readonly dispatcher: Dispatcher<AnyMessage>
  readonly budget: Budget
  readonly loop: CommitLoop
  readonly limit: MetadataLimit
  readonly violated: (invariant: string, what: string) => void
}

/** What should have happened and has not, and what that breaks if it never does. */
export interface Missing {
  readonly invariant: string
  readonly what: string
}

/** What must hold of one process, whatever becomes of single claims: how much runs, is kept in memory, and is remembered. */
export class ProcessModel {
  readonly #scenario: Scenario
  readonly #claims: ReadonlyMap<unknown, SimulatedClaim>
  readonly #clock: ProcessClock
  readonly #dispatcher: Dispatcher<AnyMessage>
  readonly #budget: Budget
  readonly #loop: CommitLoop
  readonly #limit: MetadataLimit
  readonly #violated: (invariant: string, what: string) => void
  /** Characters of metadata that were too many for the storage. */
  #refused = Number.POSITIVE_INFINITY

  constructor({ scenario, claims, clock, dispatcher, budget, loop, limit, violated }: ProcessModelParts) {
    this.#scenario = scenario
    this.#claims = claims
    this.#clock = clock
    this.#dispatcher = dispatcher
    this.#budget = budget
    this.#loop = loop
    this.#limit = limit
    this.#violated = violated
  }

  /** What must hold after each step. */
  check(mostBytes: number, stopping: boolean): void {
    const { concurrency, maxAbandoned } = this.#scenario.work
    const { held, limit } = this.#budget
    // What failed of a batch is decided about by partition.
    const parted = this.#scenario.routes.some(({ batch }) => batch?.by === 'route') ? this.#claims.size : 0
    const handlers = this.#sum(model => model.running)
    const running = Math.max(handlers, this.#dispatcher.running)
    if (running > concurrency + parted) this.#violated('4', `${running} run, and ${concurrency} are allowed`)
    // What is left or held comes on top: half of it and the parts of each, and what was taken before there was too much.
    const most = limit + mostBytes
    if (
      held > most &&
      held >
        most +
          Math.min(
            this.#sum(model => model.undoneBytes),
            limit + most,
          )
    ) {
      this.#violated('4', `${held} bytes are held, ${limit} are allowed`)
    }
    if (stopping) return
    const { abandoned } = this.#dispatcher
    if (abandoned >= maxAbandoned) this.#violated('4', `it goes on with ${abandoned} handlers that were abandoned`)
    for (const claim of this.#claims.values()) if (!claim.draining && !claim.model.stopped) this.#checkClaim(claim)
  }

  /** Over all claims; asked after each step. */
  #sum(of: (model: ClaimModel) => number): number {
    let sum = 0
    for (const { model } of this.#claims.values()) sum += of(model)
    return sum
  }

  #checkClaim(claim: SimulatedClaim): void {
    const { model } = claim
    const state = this.#dispatcher.state(claim)
    if (state === undefined) return
    if (model.running > state.inFlight) {
      const given = `its lane and place were given away`
      this.#violated('2', `a handler of partition ${claim.partition} still runs, although ${given}`)
    }
    const { perPartition } = this.#scenario.work
    if (model.running > perPartition) {
      this.#violated('4', `${model.running} run of partition ${claim.partition}, and ${perPartition} are allowed`)
    }
    if (state.waiting > model.open.size || state.undone > model.undone + model.saidDone) {
      const counted = `${state.waiting} wait and ${state.undone} are undone`
      this.#violated('4', `${counted}, of ${model.open.size} that are open and ${model.undone} left or held`)
    }
    if (state.inFlight > 0) return
    if (state.waiting !== model.open.size - model.shelved) {
      const expected = `${model.open.size} are open and ${model.shelved} are put aside`
      this.#violated('4', `${state.waiting} are counted to wait in ${claim.partition}, and ${expected}`)
    }
  }

  /** Why not everything is done and committed, or null. */
  get missing(): Missing | null {
    const { hashes, work } = this.#scenario
    // Keys with the same hash wait for what is held, whatever partition they are in.
    const shelved = [...this.#claims.values()].some(claim => claim.model.shelved > 0)
    if (hashes < 100 && shelved) return null
    for (const { model, topic, partition, gaps, reservoir } of this.#claims.values()) {
      const { missing, shelved, limit } = model
      if (shelved >= work.maxUndone || (shelved > 0 && (gaps.full || reservoir.heavy))) continue
      if (missing !== null) return { invariant: '1', what: `${partitionName(topic, partition)}: ${missing}` }
      const isIt = (other: TopicPartition) => other.topic === topic && other.partition === partition
      const committed = this.#loop.state().partitions.findLast(isIt)?.committed
      if (committed !== limit) {
        return {
          invariant: '1',
          what: `${partitionName(topic, partition)} is done up to ${limit}, and ${committed} is committed`,
        }
      }
    }
    return null
  }

  /** It has ended. */
  checkEmpty(): void {
    const { held, reserved } = this.#budget
    if (held !== 0 || reserved !== 0) this.#violated('4', `${held} bytes are held, ${reserved} reserved after the end`)
    const { timers } = this.#clock
    if (timers > 0) this.#violated('4', `${timers} timers are left after the end`)
  }

  /** The storage takes no metadata of so many characters. */
  refused(characters: number): void {
    this.#refused = Math.min(this.#refused, characters)
  }

  sent({ metadata }: CommittedOffset): void {
    if (metadata.length >= this.#refused) {
      this.#violated('gaps', `${metadata.length} characters of metadata are sent, and ${this.#refused} were refused`)
    }
  }

  /** A partition is fetched: what is left or held takes half of the budget at most before more is asked of who has more than its part of it. */
  fetches({ topic, partition }: TopicPartition): void {
    const claims = [...this.#claims.values()].filter(claim => claim.live)
    const claim = claims.find(each => each.topic === topic && each.partition === partition)
    const own = claim?.model.leastUndoneBytes ?? 0
    const most = this.#scenario.budget / 2
    if (own * claims.length <= most) return
    const all = this.#sum(each => each.leastUndoneBytes)
    const name = partitionName(topic, partition)
    if (all > most)
      this.#violated('4', `${name} is fetched although ${all} bytes are left or held, ${own} of them there`)
  }

  took(message: AnyMessage, claim: SimulatedClaim): void {
    const { resting } = claim.model
    this.#checkGaps(message, claim)
    if (resting >= this.#scenario.work.maxUndone)
      this.#violated('4', `${message.offset} is taken although ${resting} are left or held`)
  }

  /** It is taken only where what is done above the mark could be remembered, but for what was done by an owner before and just came by. */
  #checkGaps({ offset }: AnyMessage, { progress }: SimulatedClaim): void {
    const { characters } = this.#limit
    const size = gapSize(progress.lowest, progress.doneRanges())
    if (characters > 0 && size > gapBytes(characters) + MOST_ADDED) {
      this.#violated('gaps', `${offset} is taken, and ${size} bytes are to be remembered, of ${gapBytes(characters)}`)
    }
  }
}
