import type { AnyMessage } from '../../src/consumer/claim.ts'
import { Claim } from '../../src/consumer/claim.ts'
import { Reservoir } from '../../src/fetch/reservoir.ts'
import { CommitLoop } from '../../src/offsets/commit-loop.ts'
import { encodeGaps } from '../../src/offsets/gap-codec.ts'
import { Gaps, MetadataLimit } from '../../src/offsets/gaps.ts'
import { Progress } from '../../src/offsets/progress.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { Dispatcher } from '../../src/work/dispatcher.ts'
import { Intake } from '../../src/work/intake.ts'
import { Lanes } from '../../src/work/lanes.ts'
import { Settling } from '../../src/work/settling.ts'
import { NO_LANE, type Slot, SlotState } from '../../src/work/slot.ts'
import { SlotPool } from '../../src/work/slot-pool.ts'
import { Waiting } from '../../src/work/waiting.ts'
import { all, replace, replaceGetter } from '../replace.ts'
import type { PlantedBug } from './plant.ts'
import { StorageConnection } from './simulated-storage.ts'

/** Of how messages are taken, ordered, kept in memory and committed. */
export const bugsOfClaims: readonly PlantedBug[] = [
  {
    name: 'the commit is one too far',
    breaks: ['1'],
    install: () =>
      replaceGetter(
        Claim.prototype,
        'committable',
        committable =>
          function () {
            return committable.call(this) + (this.progress.open > 0 ? 1 : 0)
          },
      ),
  },
  {
    name: 'the commit follows the last message that was settled',
    breaks: ['1'],
    install: () => {
      const last = new WeakMap<Claim, number>()
      return all(
        replace(
          Claim.prototype,
          'settle',
          settle =>
            function (slot, message) {
              last.set(this, Math.max(last.get(this) ?? -1, message.offset + 1))
              settle.call(this, slot, message)
            },
        ),
        replaceGetter(
          Claim.prototype,
          'committable',
          committable =>
            function () {
              return Math.max(last.get(this) ?? -1, committable.call(this))
            },
        ),
      )
    },
  },
  {
    name: 'a hole in the offsets blocks the commit',
    breaks: ['1'],
    install: () => {
      const marks = new WeakMap<Claim, { mark: number; readonly done: Set<number> }>()
      return all(
        replace(
          Claim.prototype,
          'track',
          track =>
            function (message) {
              if (!marks.has(this)) marks.set(this, { mark: message.offset, done: new Set() })
              return track.call(this, message)
            },
        ),
        replace(
          Claim.prototype,
          'settle',
          settle =>
            function (slot, message) {
              settle.call(this, slot, message)
              const of = marks.get(this)
              of?.done.add(message.offset)
              while (of?.done.delete(of.mark)) of.mark++
            },
        ),
        replaceGetter(
          Claim.prototype,
          'committable',
          committable =>
            function () {
              return marks.get(this)?.mark ?? committable.call(this)
            },
        ),
      )
    },
  },
  {
    name: 'the commit request says one more than the claim',
    breaks: ['1', '3'],
    install: () =>
      replace(
        StorageConnection.prototype,
        'commit',
        commit =>
          function (offsets) {
            return commit.call(
              this,
              offsets.map(committed => ({ ...committed, offset: committed.offset + 1 })),
            )
          },
      ),
  },
  {
    name: 'progress settles the neighbour',
    breaks: ['1', 'gaps'],
    install: () =>
      replace(Progress.prototype, 'settle', settle => {
        const settled = new WeakMap<Progress, Set<number>>()
        const taken = new WeakMap<Progress, Map<number, number>>()
        return function (slot) {
          const mine = settled.get(this) ?? new Set()
          const others = taken.get(this) ?? new Map<number, number>()
          settled.set(this, mine)
          taken.set(this, others)
          const before = slot - 1
          if (slot % 10 === 1 && !mine.has(before)) others.set(slot, before).set(before, slot)
          mine.add(slot)
          settle.call(this, others.get(slot) ?? slot)
        }
      }),
  },
  {
    name: 'a handler that outlives its timeout is not waited for',
    breaks: ['2', '3', 'attempts'],
    install: () => {
      const giveUp = (signal: AbortSignal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return replace(
        Dispatcher.prototype,
        'add',
        add =>
          function (claim, route) {
            if (route.batch !== null) return add.call(this, claim, route)
            const handle = (message: AnyMessage, context: HandlerContext) => {
              const result = route.handle(message, context)
              return result instanceof Promise ? Promise.race([result, giveUp(context.signal)]) : result
            }
            add.call(this, claim, { ...route, handle })
          },
      )
    },
  },
  {
    name: 'a parked message is lost',
    breaks: ['1'],
    install: () => {
      let count = 0
      return replace(
        Lanes.prototype,
        'leave',
        leave =>
          function (slot) {
            const next = leave.call(this, slot)
            return next !== null && ++count % 20 === 0 ? null : next
          },
      )
    },
  },
  {
    name: 'a retry leaves its lane',
    breaks: ['2'],
    install: () => leavingLanes(slot => slot.state === SlotState.waiting && !slot.undone),
  },
  {
    name: 'the slot of an abandoned handler is used again',
    breaks: ['1', '2', 'exception'],
    install: () =>
      replace(
        SlotPool.prototype,
        'free',
        free =>
          function (slot) {
            slot.abandoned = false
            free.call(this, slot)
          },
      ),
  },
  {
    name: 'a retry is made twice',
    breaks: ['1', '2', 'exception'],
    install: () => {
      let count = 0
      return replace(
        Intake.prototype,
        'pushReady',
        pushReady =>
          function (slot) {
            pushReady.call(this, slot)
            if (slot.attempts > 0 && ++count % 10 === 0) pushReady.call(this, slot)
          },
      )
    },
  },
  {
    name: 'a message is settled twice',
    breaks: ['1'],
    install: () =>
      replace(
        Settling.prototype,
        'done',
        done =>
          function (slot) {
            const { intake, message, place } = slot
            if (intake.claim.live && message.offset % 7 === 0) intake.claim.settle(place, message)
            done.call(this, slot)
          },
      ),
  },
  {
    name: 'the memory of a message is not released',
    breaks: ['4', '1'],
    install: () =>
      replace(
        Reservoir.prototype,
        'release',
        release =>
          function (message) {
            if (message.offset % 7 !== 0) release.call(this, message)
          },
      ),
  },
  {
    name: 'the memory of a claim that ends is not released',
    breaks: ['4', '1'],
    install: () => replace(Reservoir.prototype, 'clear', () => () => {}),
  },
  {
    name: 'a message that waits keeps its batch',
    breaks: ['4'],
    install: () => replace(Claim.prototype, 'detach', () => () => {}),
  },
  {
    name: 'a message is skipped when it is taken',
    breaks: ['1'],
    install: () => {
      let taken = 0
      return replace(
        Reservoir.prototype,
        'take',
        take =>
          function () {
            if (++taken % 30 === 0) take.call(this)
            return take.call(this)
          },
      )
    },
  },
  {
    name: 'what is remembered to be done reaches one too far',
    breaks: ['1', 'attempts', 'gaps'],
    install: () =>
      replace(
        Progress.prototype,
        'doneRanges',
        doneRanges =>
          function (...limits) {
            return doneRanges.call(this, ...limits).map(({ from, to }) => ({ from, to: to + 1 }))
          },
      ),
  },
  {
    name: 'what is remembered to be done is handled again',
    breaks: ['gaps', 'attempts'],
    install: () => replace(Gaps.prototype, 'recall', () => () => true),
  },
  {
    name: 'what an owner before had done is forgotten by the next commit',
    breaks: ['gaps', 'attempts'],
    install: () =>
      replaceGetter(
        Claim.prototype,
        'metadata',
        () =>
          function () {
            const { leaderEpoch, committable: offset, progress } = this
            const done = progress.doneRanges()
            return encodeGaps({ offset, topicId: null, leaderEpoch, done, tried: [] }, 4_096).metadata
          },
      ),
  },
  {
    name: 'metadata that is refused is sent again as it was',
    breaks: ['gaps'],
    install: () => replace(MetadataLimit.prototype, 'refused', () => () => {}),
  },
  {
    name: 'a partition that was lost goes on being committed',
    breaks: ['1', '3'],
    install: () =>
      all(
        replace(
          Claim.prototype,
          'end',
          end =>
            function () {
              if (this.draining) end.call(this)
              else this.reservoir.clear()
            },
        ),
        replace(
          CommitLoop.prototype,
          'remove',
          remove =>
            function (claim) {
              if (!(claim instanceof Claim) || claim.draining) remove.call(this, claim)
            },
        ),
      ),
  },
  {
    name: 'the drain does not wait',
    breaks: ['3'],
    install: () =>
      replace(
        Dispatcher.prototype,
        'drain',
        drain =>
          async function (claims, options) {
            void drain.call(this, claims, options)
            return 0
          },
      ),
  },
]

/** Lets what waits leave its lane to others, where `which` says so. */
export function leavingLanes(which: (slot: Slot<AnyMessage>) => boolean): () => void {
  let lanes: Lanes<AnyMessage> | null = null
  return all(
    replace(
      Lanes.prototype,
      'enter',
      enter =>
        function (slot) {
          lanes = this
          return enter.call(this, slot)
        },
    ),
    replace(
      Waiting.prototype,
      'add',
      add =>
        function (slot, due) {
          if (slot.lane !== NO_LANE && slot.members === null && !slot.left && which(slot)) {
            const next = lanes?.leave(slot) ?? null
            slot.lane = NO_LANE
            if (next !== null && next.leader === null) next.intake.pushReady(next)
          }
          add.call(this, slot, due)
        },
    ),
  )
}
