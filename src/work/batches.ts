import type { Clock } from '../base/clock.ts'
import type { WorkMessage } from './claim.ts'
import { type Slot, SlotState } from './slot.ts'
import type { Waiting } from './waiting.ts'

/** Some members of a batch could not be decoded: they fail by themselves, the others are handled without them. */
export class UndecodedMembers<M extends WorkMessage> extends Error {
  readonly errors = new Map<Slot<M>, Error>()
}

/**
 * Adds a slot whose turn has come to the batch that its claim is filling, and behind it those of its lane that wait for it:
 * they may be handled together, as they are handed over in order. The batch is ready at the first limit it reaches.
 */
export function collect<M extends WorkMessage>(slot: Slot<M>, clock: Clock, waiting: Waiting<M>): void {
  const { intake } = slot
  const limits = intake.route.batch
  if (limits === null) throw new Error('only a batch route collects')
  for (let next: Slot<M> | null = slot; next !== null && next.leader === null && next.intake === intake; ) {
    next.state = SlotState.collected
    const leader: Slot<M> = intake.collecting ?? next
    next.leader = leader
    intake.collectedBytes += next.message.size
    if (intake.collecting === null) {
      intake.collecting = leader
      leader.members = [leader]
      waiting.add(leader, clock.now() + limits.lingerMs)
    } else {
      leader.members?.push(next)
    }
    if ((leader.members?.length ?? 0) >= limits.messages || intake.collectedBytes >= limits.bytes) {
      waiting.remove(leader)
      flush(leader)
      return
    }
    next = next.laneNext
  }
}

/** The batch is complete. */
export function flush<M extends WorkMessage>(leader: Slot<M>): void {
  const { intake } = leader
  intake.collecting = null
  intake.collectedBytes = 0
  makeReady(leader, leader.members ?? [leader])
}

/** These may be handled together, the first of them leading. */
export function makeReady<M extends WorkMessage>(leader: Slot<M>, members: Slot<M>[]): void {
  leader.members = members
  for (const member of members) {
    member.leader = leader
    member.state = SlotState.ready
  }
  leader.intake.pushReady(leader)
}
