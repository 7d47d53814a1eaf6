import type { Clock } from '../base/clock.ts'
import { batchSize, collect, flush, highestOffset, materialize } from './batches.ts'
import type { WorkClaim, WorkMessage } from './claim.ts'
import type { Lanes } from './lanes.ts'
import type { Rotation } from './rotation.ts'
import { type Loose, NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
import type { Waiting } from './waiting.ts'

interface SettlingParts<M extends WorkMessage> {
  readonly clock: Clock
  readonly lanes: Lanes<M>
  readonly slots: SlotPool<M>
  readonly waiting: Waiting<M>
  readonly rotation: Rotation<M>
}

/** How messages leave their slots, and whose turn it is in the lanes they leave. */
export class Settling<M extends WorkMessage> {
  readonly #parts: SettlingParts<M>

  constructor(parts: SettlingParts<M>) {
    this.#parts = parts
  }

  settleLoose(claim: WorkClaim<M>, { messages, places }: Loose<M>): void {
    if (!claim.live) return
    for (let index = 0; index < messages.length; index++) {
      claim.settle(places[index] as number, messages[index] as M)
    }
  }

  /** The message is done: handled, or given up by a decision that commits. */
  done(slot: Slot<M>): void {
    const { claim } = slot.intake
    if (claim.live) claim.settle(slot.place, slot.message)
    this.drop(slot)
  }

  /** The slot is free; its message is what it was before. */
  drop(slot: Slot<M>): void {
    if (slot.undone) {
      slot.undone = false
      slot.intake.undone--
    }
    if (slot.lane !== NO_LANE) this.leaveLane(slot)
    this.#parts.slots.free(slot)
  }

  leaveLane(slot: Slot<M>): void {
    const { lanes, slots } = this.#parts
    let next = lanes.leave(slot)
    while (next !== null) {
      // Members of a batch run and leave with it.
      if (next.leader !== null) return
      const { intake } = next
      if (!intake.stopped || intake.finishes(next)) {
        this.takeTurn(next)
        return
      }
      const after = lanes.leave(next)
      intake.kept--
      slots.free(next)
      next = after
    }
  }

  /** A parked slot may run now. */
  takeTurn(slot: Slot<M>): void {
    const { clock, waiting, rotation } = this.#parts
    const { intake } = slot
    if (intake.route.batch === null) {
      slot.state = SlotState.ready
      intake.pushReady(slot)
    } else {
      collect(slot, clock, waiting)
      // A drain fills no batch.
      if (intake.stopped && intake.collecting !== null) {
        waiting.remove(intake.collecting)
        flush(intake.collecting)
      }
    }
    rotation.add(intake)
  }

  /** Frees a slot that does not run, with its batch. */
  giveUp(slot: Slot<M>): void {
    const { intake } = slot
    this.materialize(slot)
    for (const member of slot.members ?? [slot]) {
      intake.kept--
      if (slot.left) member.lane = NO_LANE
      intake.giveUpFrom(member.message.offset)
      this.drop(member)
    }
  }

  /**
   * Leaves out of a batch what a drain need not finish, as it comes again with what is in front of it. What stands in its lane before one
   * that is to be finished, as one that was left and came again may, is finished with it. Answers who leads the rest.
   */
  trim(slot: Slot<M>): Slot<M> {
    const { intake } = slot
    if (batchSize(slot) === 1 || highestOffset(slot) < intake.finishBelow) return slot
    this.materialize(slot)
    const members = slot.members ?? []
    const below = ({ message }: Slot<M>) => message.offset < intake.finishBelow
    /** Where the last one of each lane is that stays. */
    const last = new Map(members.flatMap((member, at) => (below(member) ? [[member.lane, at] as const] : [])))
    const stays = (member: Slot<M>, at: number) =>
      below(member) || (member.lane !== NO_LANE && at < (last.get(member.lane) ?? -1))
    const rest = members.filter(stays)
    const above = members.filter((member, at) => !stays(member, at))
    const leader = rest[0] ?? slot
    slot.members = null
    leader.members = rest
    for (const member of rest) member.leader = leader
    for (const member of above) {
      member.leader = null
      member.state = SlotState.parked
      // Behind one that stays it is given up when that leaves the lane.
      if (member.lane !== NO_LANE && last.has(member.lane)) continue
      intake.kept--
      this.drop(member)
    }
    return leader
  }

  /** Gives each message of its batch a slot. */
  materialize(slot: Slot<M>): void {
    materialize(slot, this.#parts.slots)
  }
}
