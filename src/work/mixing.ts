import { lead, makeReady, materialize, setState, sharesOf } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { Gathering } from './gathering.ts'
import type { Intake } from './intake.ts'
import type { Rotation } from './rotation.ts'
import { type Slot, SlotState } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'
import type { Waiting } from './waiting.ts'

interface MixingParts<M extends WorkMessage> {
  readonly gathering: Gathering<M>
  readonly slots: SlotPool<M>
  readonly waiting: Waiting<M>
  readonly rotation: Rotation<M>
}

/**
 * Batches of several partitions, while they do not run: no partition waits for another one in them. What cannot be started when the others
 * can, or has to be given up, is parted from its batch; no partition that drains is in one with others.
 */
export class Mixing<M extends WorkMessage> {
  readonly #parts: MixingParts<M>

  constructor(parts: MixingParts<M>) {
    this.#parts = parts
  }

  /** Of a batch that is about to start, those that may not are left to themselves. The partition that leads it may. */
  withoutBlocked(leader: Slot<M>, mayStart: (intake: Intake<M>) => boolean): void {
    const blocked = (intake: Intake<M>) => !mayStart(intake)
    if (!involves(leader, blocked)) return
    const { apart } = this.#part(leader, blocked)
    for (const each of apart) makeReady(each)
  }

  /** Nothing of this partition may be started: what is ready together with others is left to them. */
  giveWay(intake: Intake<M>): void {
    for (const leader of intake.takeReady()) this.#readyApart(leader, each => each === intake)
  }

  /** These partitions drain, or are gone: none of `all` has anything together with them. */
  leave(leaving: ReadonlySet<Intake<M>>, all: Iterable<Intake<M>>): void {
    const leaves = (intake: Intake<M>) => leaving.has(intake)
    const routes = new Set([...leaving].filter(isMixed).map(({ route }) => route))
    if (routes.size === 0) return
    for (const intake of all) {
      if (!routes.has(intake.route)) continue
      for (const leader of intake.takeReady()) this.#readyApart(leader, leaves)
    }
    for (const leader of this.#parts.waiting.slots()) {
      if (routes.has(leader.intake.route) && involves(leader, leaves)) this.#waitApart(leader, leaves)
    }
  }

  /** Of a batch that was ready. */
  #readyApart(leader: Slot<M>, leaves: (intake: Intake<M>) => boolean): void {
    const { rest, apart } = involves(leader, leaves) ? this.#part(leader, leaves) : { rest: leader, apart: [] }
    for (const each of apart) makeReady(each)
    if (rest === null) return
    makeReady(rest)
    this.#parts.rotation.add(rest.intake)
  }

  /** Of a batch that is being filled, or waits for its next attempt. */
  #waitApart(leader: Slot<M>, leaves: (intake: Intake<M>) => boolean): void {
    const { gathering, waiting } = this.#parts
    const { due, state, bytes, count } = leader
    const { filling } = leader.intake
    waiting.remove(leader)
    const isFilling = state === SlotState.collected
    if (isFilling) gathering.close(leader)
    const { rest, apart } = this.#part(leader, leaves)
    for (const each of apart) {
      if (isFilling) makeReady(each)
      else waiting.add(each, due)
    }
    if (rest === null) return
    waiting.add(rest, due)
    if (!isFilling) return
    filling.leader = rest
    rest.count = rest.members?.length ?? count
    rest.bytes = rest.members?.reduce((sum, { message }) => sum + message.size, 0) ?? bytes
  }

  /** Parts a batch in those that stay together, if there are any, and one of each partition that leaves. */
  #part(leader: Slot<M>, leaves: (intake: Intake<M>) => boolean): { rest: Slot<M> | null; apart: Slot<M>[] } {
    const { attempts, state } = leader
    const members = materialize(leader, this.#parts.slots)
    const groups = Map.groupBy(members, ({ intake }) => (leaves(intake) ? intake : null))
    const leaders = [...groups].map(([owner, group]) => {
      const each = lead(group, attempts)
      setState(each, state)
      return { owner, each }
    })
    const rest = leaders.find(({ owner }) => owner === null)?.each ?? null
    return { rest, apart: leaders.filter(({ owner }) => owner !== null).map(({ each }) => each) }
  }
}

/** Whether batches of its route mix partitions. */
export function isMixed<M extends WorkMessage>({ route }: Intake<M>): boolean {
  return route.batch?.by === 'route'
}

/** Whether a batch has something of these partitions, and of others. */
function involves<M extends WorkMessage>(leader: Slot<M>, which: (intake: Intake<M>) => boolean): boolean {
  const intakes = [...sharesOf(leader)].map(({ intake }) => intake)
  return intakes.length > 1 && intakes.some(which)
}
