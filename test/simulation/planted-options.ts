import type { AnyMessage } from '../../src/consumer/claim.ts'
import { Claim } from '../../src/consumer/claim.ts'
import { Sieve } from '../../src/consumer/sieve.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { Handlers } from '../../src/work/handlers.ts'
import { Seats } from '../../src/work/seats.ts'
import { Settling } from '../../src/work/settling.ts'
import { batchOf, type MessageBatch } from '../../src/work/verdicts.ts'
import { replace } from '../replace.ts'
import type { PlantedBug } from './plant.ts'
import { routing } from './planted-decisions.ts'

/** Of what the options of `work` promise. */
export const bugsOfOptions: readonly PlantedBug[] = [
  // ── attempts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'a message has an attempt more than it may have',
    breaks: ['attempts'],
    install: () => routing(route => ({ ...route, attempts: route.attempts + 1 })),
  },
  {
    name: 'a message has an attempt less than it may have',
    breaks: ['attempts'],
    install: () => routing(route => ({ ...route, attempts: Math.max(1, route.attempts - 1) })),
  },
  {
    name: 'attempts that an owner before made do not count',
    breaks: ['attempts'],
    from: 14,
    install: () => replace(Claim.prototype, 'tried', () => () => 0),
  },
  {
    name: 'attempts are not remembered for the next owner',
    breaks: ['attempts'],
    install: () => replace(Claim.prototype, 'attempted', () => () => {}),
  },
  {
    name: 'attempts of what is done go on being remembered',
    breaks: ['attempts'],
    install: () =>
      replace(
        Claim.prototype,
        'settle',
        () =>
          function (slot, message) {
            this.settled++
            this.progress.settle(slot)
            this.reservoir.release(message)
          },
      ),
  },
  // ── filter and expireAfterMs ──────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'what is to be filtered out is handled',
    breaks: ['filter'],
    install: () =>
      replace(
        Sieve.prototype,
        'leavesOut',
        leavesOut =>
          function (message) {
            const why = leavesOut.call(this, message)
            return why === 'filtered' ? null : why
          },
      ),
  },
  {
    name: 'what is to be handled is filtered out',
    breaks: ['filter'],
    install: () =>
      replace(
        Sieve.prototype,
        'leavesOut',
        leavesOut =>
          function (message) {
            return message.offset % 7 === 0 ? 'filtered' : leavesOut.call(this, message)
          },
      ),
  },
  {
    name: 'what is too old is handled',
    breaks: ['filter'],
    install: () => replace(Sieve.prototype, 'expired', () => () => false),
  },
  {
    name: 'what became too old while it waited is handled',
    breaks: ['filter'],
    install: () =>
      replace(
        Sieve.prototype,
        'expired',
        expired =>
          function (message) {
            return !taken.has(message) && taken.add(message) && expired.call(this, message)
          },
      ),
  },
  {
    name: 'what is not too old is left out',
    breaks: ['filter', '1'],
    install: () =>
      replace(
        Sieve.prototype,
        'expired',
        expired =>
          function (message) {
            // As if it had been written long ago.
            return expired.call(this, message.offset % 7 === 0 ? ({ timestamp: 1 } as AnyMessage) : message)
          },
      ),
  },
  // ── batches ───────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'a batch has a message more than it may have',
    breaks: ['batches'],
    install: () => batching(({ messages, ...limits }) => ({ ...limits, messages: messages + 1 })),
  },
  {
    name: 'a batch has more bytes than it may have',
    breaks: ['batches'],
    install: () => batching(({ bytes, ...limits }) => ({ ...limits, bytes: 3 * bytes })),
  },
  {
    name: 'a batch is handed over in another order',
    breaks: ['2'],
    install: () =>
      routing(route => {
        if (route.batch === null) return route
        const handle = (batch: MessageBatch<AnyMessage>, context: HandlerContext) =>
          route.handle(batchOf(batch.toReversed(), batch), context)
        return { ...route, handle }
      }),
  },
  {
    name: 'of a batch that is done, messages without a key are not settled',
    breaks: ['1'],
    from: 19,
    install: () => replace(Settling.prototype, 'settleLoose', () => () => {}),
  },
  // ── threads ───────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'handlers are given to threads that have one',
    breaks: ['threads'],
    install: () => replace(Seats.prototype, 'offers', () => () => true),
  },
  {
    name: 'a thread that had a handler gets no other',
    breaks: ['1'],
    install: () => {
      let count = 0
      return replace(
        Seats.prototype,
        'leave',
        leave =>
          function (intake, again) {
            if (++count % 20 > 0) leave.call(this, intake, again)
          },
      )
    },
  },
  {
    name: 'a thread that takes the place of one that died gets no handler',
    breaks: ['1'],
    from: 14,
    install: () => {
      const sizes = new WeakMap<object, number>()
      return replace(
        Seats.prototype,
        'resize',
        resize =>
          function (by) {
            if (by > 0 && sizes.has(this)) return
            sizes.set(this, by)
            resize.call(this, by)
          },
      )
    },
  },
  {
    name: 'what ran in a thread that died counts as done',
    breaks: ['1'],
    install: () =>
      replace(
        Handlers.prototype,
        'rejected',
        rejected =>
          function (slot, error) {
            if (error instanceof Error && error.message === 'its thread died') this.resolved(slot)
            else rejected.call(this, slot, error)
          },
      ),
  },
]

const taken = new WeakSet<AnyMessage>()

type Limits = NonNullable<Parameters<Parameters<typeof routing>[0]>[0]['batch']>

/** Batches have other limits. */
function batching(other: (limits: Limits) => Limits): () => void {
  return routing(route => (route.batch === null ? route : { ...route, batch: other(route.batch) }))
}
