import { lead, makeReady, materialize } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { Gathering } from './gathering.ts'
import type { Lanes } from './lanes.ts'
import type { Rotation } from './rotation.ts'
import { type Loose, NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'

interface SettlingParts<M extends WorkMessage> {
  readonly lanes: Lanes<M>
  readonly slots: SlotPool<M>
  readonly gathering: Gathering<M>
  readonly rotation: Rotation<M>
}

/** How messages leave their slots, and whose turn it is in the lanes they leave. */
export class Settling<M extends WorkMessage> {
  readonly #parts: SettlingParts<M>

  constructor(parts: SettlingParts<M>) {
    this.#parts = parts
  }

  settleLoose({ intake: { claim }, messages, places }: Loose<M>): void {
    if (!claim.live) return
    for (let index = 0; index < messages.length; index++) {
      claim.settle(places[index] as number, messages[index] as M)
    }
  }

  /** The message is done: handled, or given up by a decision that commits. */
  done(slot: Slot<M>): void {
    this.settle(slot)
    this.drop(slot)
  }

  /** The same, but the slot stays where it is. */
  settle({ intake: { claim }, place, message }: Slot<M>): void {
    if (claim.live) claim.settle(place, message)
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
    const next = this.#parts.lanes.leave(slot)
    if (next !== null) this.#giveTurn(next)
  }

  /** To those that stood in the lane behind one that left it, the first of them in front. */
  #giveTurn(first: Slot<M>): void {
    const { lanes, slots } = this.#parts
    for (let next: Slot<M> | null = first; next !== null; ) {
      // Members of a batch run and leave with it.
      if (next.leader !== null) {
        if (next.state === SlotState.parked) this.#takeTurnTogether(next.leader)
        return
      }
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
    const { gathering, rotation } = this.#parts
    const { intake } = slot
    if (intake.route.batch === null) {
      slot.state = SlotState.ready
      intake.pushReady(slot)
    } else {
      gathering.collect(slot)
      // A drain fills no batch.
      if (intake.stopped && slot.state === SlotState.collected && slot.leader !== null) gathering.complete(slot.leader)
    }
    rotation.add(intake)
  }

  /** The batch that was parked behind others of its one lane may run now. */
  #takeTurnTogether(leader: Slot<M>): void {
    const { intake } = leader
    if (intake.stopped && !intake.finishes(leader)) {
      this.giveUp(leader)
      return
    }
    makeReady(intake.stopped ? this.trim(leader) : leader)
    this.#parts.rotation.add(intake)
  }

  /** Frees a slot that does not run, with its batch. */
  giveUp(slot: Slot<M>): void {
    const { intake } = slot
    const members = this.#membersOf(slot)
    // Nobody gives them a turn when those in front of them leave.
    for (const member of members) member.state = SlotState.gone
    for (const member of members) {
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
    const members = this.#membersOf(slot)
    const below = ({ message }: Slot<M>) => message.offset < intake.finishBelow
    if (members.length === 1 || members.every(below)) return slot
    /** Where the last one of each lane is that stays. */
    const last = new Map(members.flatMap((member, at) => (below(member) ? [[member.lane, at] as const] : [])))
    const stays = (member: Slot<M>, at: number) =>
      below(member) || (member.lane !== NO_LANE && at < (last.get(member.lane) ?? -1))
    const above = members.filter((member, at) => !stays(member, at))
    const leader = lead(members.filter(stays), slot.attempts)
    for (const member of above) {
      member.leader = member.members = null
      member.state = SlotState.parked
      // Behind one that stays it is given up when that leaves the lane.
      if (member.lane !== NO_LANE && last.has(member.lane)) continue
      intake.kept--
      this.drop(member)
    }
    return leader
  }

  /** Each has a slot. */
  #membersOf(slot: Slot<M>): Slot<M>[] {
    return slot.members === null ? [slot] : materialize(slot, this.#parts.slots)
  }
}
