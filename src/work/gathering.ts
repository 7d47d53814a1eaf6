import type { Clock } from '../base/clock.ts'
import { makeReady } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'
import type { Lanes } from './lanes.ts'
import type { Rotation } from './rotation.ts'
import type { BatchLimits, BatchRoute, Route } from './route.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
import type { Waiting } from './waiting.ts'

/** The batches that are being filled: of one partition, or of all partitions of a route. */
export interface Filling<M extends WorkMessage> {
  /** Leads the one that is of no key. */
  leader: Slot<M> | null
  /** Lead those of one key each, in the order in which they began. */
  readonly keyed: Set<Slot<M>>
}

interface GatheringParts<M extends WorkMessage> {
  readonly clock: Clock
  readonly lanes: Lanes<M>
  readonly slots: SlotPool<M>
  readonly waiting: Waiting<M>
  readonly rotation: Rotation<M>
}

/** Fills batches: each is ready at the first limit that it reaches. */
export class Gathering<M extends WorkMessage> {
  readonly #parts: GatheringParts<M>
  readonly #ofRoutes = new Map<Route<M>, Filling<M>>()

  constructor(parts: GatheringParts<M>) {
    this.#parts = parts
  }

  /** Where the messages of a claim of this route are gathered. */
  filling(route: Route<M>): Filling<M> {
    const made: Filling<M> = this.#ofRoutes.get(route) ?? { leader: null, keyed: new Set() }
    if (route.batch?.by === 'route') this.#ofRoutes.set(route, made)
    return made
  }

  /** Puts a message that was just taken into its batch, or behind those of its lane that are in no batch that is being filled. */
  admit(intake: Intake<M>, route: BatchRoute<M>, message: M, place: number, lane: number): void {
    intake.kept++
    const { leader } = intake.filling
    const attempts = intake.claim.tried(message)
    const fresh = lane === NO_LANE && route.decode === null && attempts === 0
    if (fresh && leader !== null && leader.attempts === 0) {
      this.#addLoose(intake, message, place, leader, route.batch)
      return
    }
    const { lanes, slots } = this.#parts
    const slot = slots.take(intake, message, place, lane, attempts)
    slot.state = SlotState.parked
    const ahead = lane === NO_LANE ? null : lanes.enter(slot)
    if (ahead === null) this.collect(slot)
    else if (ahead.state === SlotState.collected && ahead.intake === intake) this.#add(slot, ahead.leader, route.batch)
  }

  /**
   * Adds a slot whose turn has come to a batch, and behind it those of its lane that wait for it: they may be handled together, as they are
   * handed over in order. A batch is of messages that were tried equally often, so that each has its own number of attempts.
   */
  collect(slot: Slot<M>): void {
    const { intake, lane } = slot
    const { batch } = intake.route
    if (batch === null) throw new Error('only a batch route collects')
    const { leader } = intake.filling
    if (leader === null || isKeyed(batch, lane)) this.#add(slot, null, batch)
    else if (leader.attempts === slot.attempts) this.#add(slot, leader, batch)
    else {
      this.complete(leader)
      this.#add(slot, null, batch)
    }
  }

  #add(slot: Slot<M>, into: Slot<M> | null, limits: BatchLimits): void {
    const { intake } = slot
    const keyed = isKeyed(limits, slot.lane)
    let leader = into
    for (let next: Slot<M> | null = slot; next !== null && next.leader === null && next.intake === intake; ) {
      if (leader === null) leader = this.#open(next, limits)
      else if (next.attempts !== leader.attempts) return
      // Two keys with the same hash only wait for each other.
      else if (keyed && !next.message.hasKeyOf(leader.message)) return
      else leader.members?.push(next)
      next.leader = leader
      next.state = SlotState.collected
      if (this.#counts(leader, next.message, limits)) return
      next = next.laneNext
      // Those that a drain gives up, as something in front of them comes again.
      if (next !== null && intake.stopped && !intake.finishes(next)) return
    }
  }

  #open(slot: Slot<M>, limits: BatchLimits): Slot<M> {
    const { clock, waiting } = this.#parts
    const { filling } = slot.intake
    slot.members = [slot]
    slot.count = slot.bytes = 0
    if (isKeyed(limits, slot.lane)) filling.keyed.add(slot)
    else filling.leader = slot
    waiting.add(slot, clock.now() + limits.lingerMs)
    return slot
  }

  /** Adds a message that waits for nobody. */
  #addLoose(intake: Intake<M>, message: M, place: number, leader: Slot<M>, limits: BatchLimits): void {
    let { loose } = intake
    if (loose === null) {
      loose = { intake, messages: [], places: [] }
      intake.loose = loose
      if (leader.loose === null) leader.loose = [loose]
      else leader.loose.push(loose)
    }
    loose.messages.push(message)
    loose.places.push(place)
    this.#counts(leader, message, limits)
  }

  /** Whether the batch is complete by this message. */
  #counts(leader: Slot<M>, { size }: M, limits: BatchLimits): boolean {
    leader.count++
    leader.bytes += size
    if (leader.count < limits.messages && leader.bytes < limits.bytes) return false
    this.complete(leader)
    return true
  }

  /** A batch that waits for more messages is ready now. */
  complete(leader: Slot<M>): void {
    this.#parts.waiting.remove(leader)
    this.waited(leader)
  }

  /** It has waited long enough. */
  waited(leader: Slot<M>): void {
    this.close(leader)
    makeReady(leader)
    this.#parts.rotation.add(leader.intake)
  }

  /** Nothing more is added to this batch. */
  close(leader: Slot<M>): void {
    const { filling } = leader.intake
    if (filling.leader === leader) filling.leader = null
    else filling.keyed.delete(leader)
    for (const { intake } of leader.loose ?? []) intake.loose = null
  }

  /** Completes the oldest batch of a key, as its partition takes no more messages: answers whether there was one. */
  hurry({ filling }: Intake<M>): boolean {
    for (const leader of filling.keyed) {
      this.complete(leader)
      return true
    }
    return false
  }
}

function isKeyed({ by }: BatchLimits, lane: number): boolean {
  return by === 'key' && lane !== NO_LANE
}
