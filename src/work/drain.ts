import type { Clock } from '../base/clock.ts'
import type { WorkMessage } from './claim.ts'
import { Closing, PartitionLost, PartitionRevoked } from './failure.ts'
import type { Intake } from './intake.ts'

/** Why a claim ends: its partition goes to another member, it is not owned any more, or the consumer closes. */
export type EndReason = 'revoked' | 'lost' | 'closing'

/** Aborts the signals of all handlers that run for these claims. */
export function abortHandlers<M extends WorkMessage>(intakes: readonly Intake<M>[], why: EndReason): void {
  for (const intake of intakes) intake.aborted = why
  for (const deadlines of new Set(intakes.map(intake => intake.deadlines))) {
    for (const slot of deadlines) {
      if (intakes.includes(slot.intake)) slot.attempt?.abort(endReason(why, slot.message))
    }
  }
}

export function endReason(why: EndReason, { topic, partition }: WorkMessage): Error {
  if (why === 'closing') return new Closing()
  return why === 'revoked' ? new PartitionRevoked(topic, partition) : new PartitionLost(topic, partition)
}

/** Resolves to true as soon as none of them runs a handler, to false after `ms` or when `hurry` aborts. */
export function untilIdle<M extends WorkMessage>(
  intakes: readonly Intake<M>[],
  clock: Clock,
  ms: number,
  hurry?: AbortSignal,
): Promise<boolean> {
  const busy = intakes.filter(intake => intake.running > 0)
  if (busy.length === 0) return Promise.resolve(true)
  return new Promise(resolve => {
    let left = busy.length
    const end = (idle: boolean) => {
      timer.cancel()
      hurry?.removeEventListener('abort', giveUp)
      resolve(idle)
    }
    const giveUp = () => end(false)
    const timer = clock.after(hurry?.aborted ? 0 : ms, giveUp)
    hurry?.addEventListener('abort', giveUp)
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
