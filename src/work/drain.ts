import type { Clock } from '../base/clock.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import { makeReady } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import { Closing, PartitionLost, PartitionRevoked } from './failure.ts'
import type { Gathering } from './gathering.ts'
import type { Intake } from './intake.ts'
import type { Mixing } from './mixing.ts'
import type { Settling } from './settling.ts'
import { NO_LANE, type Slot, SlotState } from './slot.ts'
import type { Waiting } from './waiting.ts'

/** Why a claim ends: its partition goes to another member, it is not owned any more, or the consumer closes. */
export type EndReason = 'revoked' | 'lost' | 'closing'

/** Where what a drain gives up may be. */
export interface DrainParts<M extends WorkMessage> {
  readonly waiting: Waiting<M>
  readonly settling: Settling<M>
  readonly gathering: Gathering<M>
  readonly mixing: Mixing<M>
}

/**
 * Takes nothing more, and gives up what does not run and need not be finished, or cannot be by `until`: what is left, held or due later,
 * what follows that, and what was taken behind all that was started. `all` are the others, too.
 */
export function stopTaking<M extends WorkMessage>(
  intakes: readonly Intake<M>[],
  until: number,
  { waiting, settling, gathering, mixing }: DrainParts<M>,
  all: Iterable<Intake<M>>,
): void {
  const stopping = new Set(intakes)
  mixing.leave(stopping, all)
  for (const intake of stopping) {
    if (!intake.stopped) {
      intake.finishBelow = intake.claim.dispatchable ? Math.min(intake.started, intake.comesAgain) : -1
    }
    intake.stopped = true
    intake.drainUntil = Math.max(intake.drainUntil, until)
  }
  const waits = Map.groupBy(waiting.slots(), ({ intake }) => intake)
  for (const intake of stopping)
    giveUpWhatWaits(intake, waits.get(intake) ?? [], { waiting, settling, gathering, mixing })
}

/** `waits`: what of this intake is in `waiting`. */
function giveUpWhatWaits<M extends WorkMessage>(
  intake: Intake<M>,
  waits: readonly Slot<M>[],
  { waiting, settling, gathering }: DrainParts<M>,
): void {
  for (const slot of intake.shelf) intake.giveUpFrom(slot.message.offset)
  for (const slot of waits) {
    const hopeless = slot.undone || (isTimed(slot) && slot.due > intake.drainUntil)
    if (hopeless) for (const { message } of slot.members ?? [slot]) intake.giveUpFrom(message.offset)
  }
  for (const slot of intake.takeReady()) {
    if (intake.finishes(slot)) intake.pushReady(settling.trim(slot))
    else settling.giveUp(slot)
  }
  for (const slot of intake.shelf) {
    if (slot.left) slot.lane = NO_LANE
    settling.drop(slot)
  }
  intake.shelf.clear()
  for (const slot of waits) {
    // The batch that was being filled is ready already, or even over, if one that was given up let another of its lane into it.
    if (slot.heapIndex < 0) continue
    const finishes = intake.finishes(slot)
    if (finishes && isTimed(slot)) continue
    waiting.remove(slot)
    if (slot.state === SlotState.collected) gathering.close(slot)
    if (slot.state === SlotState.paced) intake.throttle?.waited(slot)
    if (finishes) makeReady(settling.trim(slot))
    else settling.giveUp(slot)
  }
}

/** Whether it waits for a moment that a drain cannot bring nearer. */
function isTimed<M extends WorkMessage>({ state }: Slot<M>): boolean {
  return state === SlotState.waiting || state === SlotState.paced
}

/** Aborts the signals of all handlers that run for these claims. */
export function abortHandlers<M extends WorkMessage>(intakes: readonly Intake<M>[], why: EndReason): void {
  for (const intake of intakes) intake.aborted = why
  for (const deadlines of new Set(intakes.map(intake => intake.deadlines))) {
    for (const slot of deadlines) {
      const ended = [slot.intake, ...(slot.partners ?? [])].find(intake => intakes.includes(intake))
      if (ended !== undefined) slot.attempt?.abort(endReason(why, ended.claim))
    }
  }
}

export function endReason(why: EndReason, { topic, partition }: TopicPartition): Error {
  if (why === 'closing') return new Closing()
  return why === 'revoked' ? new PartitionRevoked(topic, partition) : new PartitionLost(topic, partition)
}

/** Resolves to true as soon as all of them are drained, to false after `ms` or when `over` aborts. */
export function untilIdle<M extends WorkMessage>(
  intakes: readonly Intake<M>[],
  clock: Clock,
  ms: number,
  over: AbortSignal,
): Promise<boolean> {
  const busy = intakes.filter(intake => !intake.drained)
  if (busy.length === 0) return Promise.resolve(true)
  return new Promise(resolve => {
    let left = busy.length
    const end = (idle: boolean) => {
      timer.cancel()
      over.removeEventListener('abort', giveUp)
      resolve(idle)
    }
    const giveUp = () => end(false)
    const timer = clock.after(over.aborted ? 0 : ms, giveUp)
    over.addEventListener('abort', giveUp)
    for (const intake of busy) {
      // Another drain may wait for it as well: a partition that is revoked when the consumer closes.
      const others = intake.idle
      intake.idle = () => {
        others?.()
        if (--left === 0) end(true)
      }
    }
  })
}
