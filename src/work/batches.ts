import type { Clock } from '../base/clock.ts'
import type { WorkMessage } from './claim.ts'
import type { BatchLimits } from './route.ts'
import { type Loose, NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
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
    // As often as any of them: when it fails again, the others are not what is wrong.
    leader.attempts = Math.max(leader.attempts, next.attempts)
    intake.collectedBytes += next.message.size
    if (intake.collecting === null) {
      intake.collecting = leader
      leader.members = [leader]
      waiting.add(leader, clock.now() + limits.lingerMs)
    } else {
      leader.members?.push(next)
    }
    if (isFull(leader, limits)) {
      waiting.remove(leader)
      flush(leader)
      return
    }
    next = next.laneNext
    // Those that a drain gives up, as something in front of them comes again.
    if (next !== null && intake.stopped && !intake.finishes(next)) return
  }
}

/** Adds a message that waits for nobody to the batch that its claim is filling. */
export function collectLoose<M extends WorkMessage>(
  message: M,
  place: number,
  leader: Slot<M>,
  waiting: Waiting<M>,
): void {
  const { intake } = leader
  leader.loose ??= { messages: [], places: [] }
  leader.loose.messages.push(message)
  leader.loose.places.push(place)
  intake.collectedBytes += message.size
  if (intake.route.batch === null || !isFull(leader, intake.route.batch)) return
  waiting.remove(leader)
  flush(leader)
}

/** Messages of the batch that this slot leads; 1 for a slot that leads none. */
export function batchSize<M extends WorkMessage>({ members, loose }: Slot<M>): number {
  return (members === null ? 1 : members.length) + (loose === null ? 0 : loose.messages.length)
}

/** Of a message, or of a whole batch. */
export function highestOffset<M extends WorkMessage>({ message, members, loose }: Slot<M>): number {
  let highest = message.offset
  for (const member of members ?? []) highest = Math.max(highest, member.message.offset)
  // In the order in which they were taken.
  return Math.max(highest, loose?.messages.at(-1)?.offset ?? -1)
}

function isFull<M extends WorkMessage>(leader: Slot<M>, limits: BatchLimits): boolean {
  return batchSize(leader) >= limits.messages || leader.intake.collectedBytes >= limits.bytes
}

/** The messages of a batch as its handler gets them: in the order of their offsets. */
export function batchMessages<M extends WorkMessage>(members: readonly Slot<M>[], loose: Loose<M> | null): M[] {
  const messages = members.map(member => member.message)
  if (loose === null) return messages
  const all = messages.concat(loose.messages)
  return members.length === 1 ? all : all.sort((a, b) => a.offset - b.offset)
}

/** Gives each message of a batch a slot of its own: it failed, or is given up. */
export function materialize<M extends WorkMessage>(leader: Slot<M>, slots: SlotPool<M>): void {
  const { loose, members, intake } = leader
  if (loose === null || members === null) return
  leader.loose = null
  loose.messages.forEach((message, index) => {
    const slot = slots.take(intake, message, loose.places[index] as number, NO_LANE)
    slot.leader = leader
    slot.state = leader.state
    members.push(slot)
  })
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
