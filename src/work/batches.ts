import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'
import { type Loose, NO_LANE, type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'

/** Some members of a batch could not be decoded: they fail by themselves, the others are handled without them. */
export class UndecodedMembers<M extends WorkMessage> extends Error {
  readonly errors = new Map<Slot<M>, Error>()
}

/** What a batch has of one partition. */
export interface Share<M extends WorkMessage> {
  readonly intake: Intake<M>
  messages: number
  lowest: number
  highest: number
}

/** Of a message, or of the batch that this slot leads; that of the slot itself comes first. */
export function sharesOf<M extends WorkMessage>({ intake, message, members, loose }: Slot<M>): Iterable<Share<M>> {
  let share: Share<M> = { intake, messages: 0, lowest: message.offset, highest: message.offset }
  const shares = new Map([[intake, share]])
  const add = (owner: Intake<M>, { offset }: M, messages: number) => {
    if (share.intake !== owner) {
      share = shares.get(owner) ?? { intake: owner, messages: 0, lowest: offset, highest: offset }
      shares.set(owner, share)
    }
    share.messages += messages
    if (offset < share.lowest) share.lowest = offset
    if (offset > share.highest) share.highest = offset
  }
  if (members === null) share.messages = 1
  else for (const member of members) add(member.intake, member.message, 1)
  for (const { intake: owner, messages } of loose ?? []) {
    // In the order in which they were taken.
    add(owner, messages[0] as M, messages.length)
    add(owner, messages.at(-1) as M, 0)
  }
  return shares.values()
}

/** Messages of the batch that this slot leads; 1 for a slot that leads none. */
export function batchSize<M extends WorkMessage>({ members, loose }: Slot<M>): number {
  const alone = members === null ? 1 : members.length
  return loose === null ? alone : loose.reduce((sum, { messages }) => sum + messages.length, alone)
}

/** The messages of a batch as its handler gets them: by partition, and in the order of their offsets, or of their keys. */
export function batchMessages<M extends WorkMessage>(
  members: readonly Slot<M>[],
  loose: readonly Loose<M>[] | null,
  mixed: boolean,
): M[] {
  const messages = members.map(member => member.message)
  const all = loose === null ? messages : messages.concat(...loose.map(each => each.messages))
  if (mixed) return all.sort(byPlace)
  return loose === null || members.length === 1 ? all : all.sort((a, b) => a.offset - b.offset)
}

function byPlace<M extends WorkMessage>(a: M, b: M): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  return a.partition - b.partition || a.offset - b.offset
}

/** Gives each message of a batch a slot of its own: it failed, or is given up. */
export function materialize<M extends WorkMessage>(leader: Slot<M>, slots: SlotPool<M>): Slot<M>[] {
  const { loose } = leader
  const members = leader.members ?? [leader]
  leader.loose = null
  for (const { intake, messages, places } of loose ?? []) {
    messages.forEach((message, index) => {
      const slot = slots.take(intake, message, places[index] as number, NO_LANE, intake.claim.tried(message))
      slot.leader = leader
      slot.state = leader.state
      members.push(slot)
    })
  }
  return members
}

/** Makes a batch of these, the first of them leading. */
export function lead<M extends WorkMessage>(members: Slot<M>[], attempts: number): Slot<M> {
  const leader = members[0] as Slot<M>
  for (const member of members) {
    member.leader = leader
    member.members = null
  }
  leader.members = members
  leader.attempts = attempts
  return leader
}

/** The state of all messages of a batch, which have slots. */
export function setState<M extends WorkMessage>(leader: Slot<M>, state: SlotState): void {
  for (const member of leader.members ?? [leader]) member.state = state
}

/** The batch that this slot leads may be handled. */
export function makeReady<M extends WorkMessage>(leader: Slot<M>): void {
  setState(leader, SlotState.ready)
  leader.intake.pushReady(leader)
}
