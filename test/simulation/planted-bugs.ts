import type { AnyMessage } from '../../src/consumer/claim.ts'
import { encodeGaps } from '../../src/offsets/gap-codec.ts'
import { Gaps, MetadataLimit } from '../../src/offsets/gaps.ts'
import { Progress } from '../../src/offsets/progress.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { Intake } from '../../src/work/intake.ts'
import { Lanes } from '../../src/work/lanes.ts'
import { NO_LANE, type Slot, SlotState } from '../../src/work/slot.ts'
import { SlotPool } from '../../src/work/slot-pool.ts'
import { Waiting } from '../../src/work/waiting.ts'
import type { Plant } from './plant.ts'
import { SimulatedClaim } from './simulated-claim.ts'

export interface PlantedBug {
  readonly name: string
  /** The invariants of which one must be named. */
  readonly breaks: readonly string[]
  readonly plant: Plant
}

/** Bugs that were made, or could have been, each put in from the outside. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'the commit is one too far',
    breaks: ['1'],
    plant: {
      claim: class extends SimulatedClaim {
        override get committable(): number {
          return super.committable + (this.progress.open > 0 ? 1 : 0)
        }
      },
    },
  },
  {
    name: 'the commit follows the last message that was settled',
    breaks: ['1'],
    plant: {
      claim: class extends SimulatedClaim {
        #last = -1
        override get committable(): number {
          return Math.max(this.#last, this.reservoir.delivered > this.#last ? super.committable : -1)
        }
        override settle(slot: number, message: AnyMessage): void {
          this.#last = Math.max(this.#last, message.offset + 1)
          super.settle(slot, message)
        }
      },
    },
  },
  {
    name: 'a hole in the offsets blocks the commit',
    breaks: ['1'],
    plant: {
      claim: class extends SimulatedClaim {
        #mark = this.reservoir.position
        readonly #done = new Set<number>()
        override get committable(): number {
          return this.#mark
        }
        override settle(slot: number, message: AnyMessage): void {
          super.settle(slot, message)
          this.#done.add(message.offset)
          while (this.#done.delete(this.#mark)) this.#mark++
        }
      },
    },
  },
  {
    name: 'the commit request says one more than the claim',
    breaks: ['1', '3'],
    plant: {
      storage: storage => ({
        load: partitions => storage.load(partitions),
        commit: offsets => storage.commit(offsets.map(offset => ({ ...offset, offset: offset.offset + 1 }))),
      }),
    },
  },
  {
    name: 'progress settles the neighbour',
    breaks: ['1', 'gaps'],
    plant: {
      progress: ringLimit => {
        const progress = new Progress(ringLimit)
        const { settle } = progress
        const settled = new Set<number>()
        const taken = new Map<number, number>()
        progress.settle = slot => {
          const before = slot - 1
          if (slot % 10 === 1 && !settled.has(before)) taken.set(slot, before).set(before, slot)
          settled.add(slot)
          settle.call(progress, taken.get(slot) ?? slot)
        }
        return progress
      },
    },
  },
  {
    name: 'a handler that outlives its timeout is not waited for',
    breaks: ['2'],
    plant: {
      route: route => {
        if (route.batch !== null) return route
        const giveUp = (signal: AbortSignal) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        const { handle } = route
        return {
          ...route,
          handle: (message: AnyMessage, context: HandlerContext) => {
            const result = handle(message, context)
            return result instanceof Promise ? Promise.race([result, giveUp(context.signal)]) : result
          },
        }
      },
    },
  },
  {
    name: 'a parked message is lost',
    breaks: ['1'],
    plant: {
      install: () => {
        const { leave } = Lanes.prototype
        let count = 0
        Lanes.prototype.leave = function (slot) {
          const next = leave.call(this, slot)
          return next !== null && ++count % 20 === 0 ? null : next
        }
        return () => {
          Lanes.prototype.leave = leave
        }
      },
    },
  },
  {
    name: 'a retry leaves its lane',
    breaks: ['2'],
    plant: {
      install: () => {
        const { enter } = Lanes.prototype
        const { add } = Waiting.prototype
        let lanes: Lanes<AnyMessage> | null = null
        Lanes.prototype.enter = function (slot) {
          lanes = this as unknown as Lanes<AnyMessage>
          return enter.call(this, slot)
        }
        Waiting.prototype.add = function (slot, due) {
          if (slot.state === SlotState.waiting && slot.lane !== NO_LANE && slot.members === null && !slot.left) {
            const next = lanes?.leave(slot as unknown as Slot<AnyMessage>) ?? null
            slot.lane = NO_LANE
            if (next !== null && next.leader === null) next.intake.pushReady(next)
          }
          add.call(this, slot, due)
        }
        return () => {
          Lanes.prototype.enter = enter
          Waiting.prototype.add = add
        }
      },
    },
  },
  {
    name: 'the slot of an abandoned handler is used again',
    breaks: ['1', '2', 'exception'],
    plant: {
      install: () => {
        const { free } = SlotPool.prototype
        SlotPool.prototype.free = function (slot) {
          slot.abandoned = false
          free.call(this, slot)
        }
        return () => {
          SlotPool.prototype.free = free
        }
      },
    },
  },
  {
    name: 'a retry is made twice',
    breaks: ['1', '2', 'exception'],
    plant: {
      install: () => {
        const { pushReady } = Intake.prototype
        let count = 0
        Intake.prototype.pushReady = function (slot) {
          pushReady.call(this, slot)
          if (slot.attempts > 0 && ++count % 10 === 0) pushReady.call(this, slot)
        }
        return () => {
          Intake.prototype.pushReady = pushReady
        }
      },
    },
  },
  {
    name: 'a message is settled twice',
    breaks: ['1'],
    plant: {
      claim: class extends SimulatedClaim {
        override settle(slot: number, message: AnyMessage): void {
          super.settle(slot, message)
          if (message.offset % 7 === 0) super.settle(slot, message)
        }
      },
    },
  },
  {
    name: 'the memory of a message is not released',
    breaks: ['4', '1'],
    plant: {
      claim: class extends SimulatedClaim {
        override settle(slot: number, message: AnyMessage): void {
          this.model.settled(message.offset)
          this.progress.settle(slot)
          if (message.offset % 7 !== 0) this.reservoir.release(message)
        }
      },
    },
  },
  {
    name: 'the memory of a claim that ends is not released',
    breaks: ['4', '1'],
    plant: {
      claim: class extends SimulatedClaim {
        override end(): void {
          const { reservoir } = this
          const { clear } = reservoir
          reservoir.clear = () => {}
          super.end()
          reservoir.clear = clear
        }
      },
    },
  },
  {
    name: 'a message that waits keeps its batch',
    breaks: ['4'],
    plant: {
      claim: class extends SimulatedClaim {
        override detach(): void {}
      },
    },
  },
  {
    name: 'a message is skipped when it is taken',
    breaks: ['1'],
    plant: {
      claim: class extends SimulatedClaim {
        #taken = 0
        override take(): AnyMessage | null {
          if (++this.#taken % 30 === 0) this.reservoir.take()
          return super.take()
        }
      },
    },
  },
  {
    name: 'what is remembered to be done reaches one too far',
    breaks: ['1'],
    plant: {
      install: () => {
        const { doneRanges } = Progress.prototype
        Progress.prototype.doneRanges = function () {
          return doneRanges.call(this).map(({ from, to }) => ({ from, to: to + 1 }))
        }
        return () => {
          Progress.prototype.doneRanges = doneRanges
        }
      },
    },
  },
  {
    name: 'what is remembered to be done is handled again',
    breaks: ['gaps'],
    plant: {
      install: () => {
        const { recall } = Gaps.prototype
        Gaps.prototype.recall = () => true
        return () => {
          Gaps.prototype.recall = recall
        }
      },
    },
  },
  {
    name: 'what an owner before had done is forgotten by the next commit',
    breaks: ['gaps'],
    plant: {
      claim: class extends SimulatedClaim {
        override get metadata(): string {
          const { leaderEpoch, committable: offset, progress } = this
          const done = progress.doneRanges()
          return encodeGaps({ offset, topicId: null, leaderEpoch, done, tried: [] }, 4_096).metadata
        }
      },
    },
  },
  {
    name: 'metadata that is refused is sent again as it was',
    breaks: ['gaps'],
    plant: {
      install: () => {
        const { refused } = MetadataLimit.prototype
        MetadataLimit.prototype.refused = () => {}
        return () => {
          MetadataLimit.prototype.refused = refused
        }
      },
    },
  },
  {
    name: 'a partition that was lost goes on being committed',
    breaks: ['1', '3'],
    plant: { keepsLost: true },
  },
  {
    name: 'the drain does not wait',
    breaks: ['3'],
    plant: {
      drain: drain => {
        void drain()
        return Promise.resolve(0)
      },
    },
  },
]
