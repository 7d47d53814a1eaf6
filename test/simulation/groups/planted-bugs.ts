import { Claim } from '../../../src/consumer/claim.ts'
import { Engine } from '../../../src/consumer/engine.ts'
import { Owner } from '../../../src/consumer/owner.ts'
import { CommitLoop } from '../../../src/offsets/commit-loop.ts'
import { KafkaOffsetStorage } from '../../../src/offsets/kafka-storage.ts'
import { GroupCalls } from '../../../src/ownership/group/group-calls.ts'
import { GroupCoordinator } from '../../../src/ownership/group/group-coordinator.ts'
import { Lease } from '../../../src/ownership/group/lease.ts'
import { errorCodes } from '../../../src/protocol/error-codes.ts'
import type { WorkMessage } from '../../../src/work/claim.ts'
import { Intake } from '../../../src/work/intake.ts'

/** A bug put into the product while simulations run, to see that they find it. */
export interface PlantedBug {
  readonly name: string
  /** Which promises it may be seen to break. */
  readonly breaks: readonly string[]
  /** Where to begin to look: not every seed meets what it needs. Default 1. */
  readonly from?: number
  /** Answers how to undo it. */
  readonly install: () => () => void
}

/** Replaces a method, or a getter, of a class; the answer puts it back. */
function replaced(target: object, name: string, by: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  if (before === undefined) throw new Error(`there is no ${name} to replace`)
  Object.defineProperty(target, name, { ...before, ...by })
  return () => void Object.defineProperty(target, name, before)
}

function all(...undo: (() => void)[]): () => void {
  return () => {
    for (const each of undo) each()
  }
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'partitions are released before their drain is over',
    breaks: ['3', '2', 'callbacks', 'exactly once'],
    from: 4,
    install: () => {
      const { drain } = Engine.prototype
      const hasty: typeof drain = function (this: Engine, claims) {
        void drain.call(this, claims)
        return Promise.resolve(0)
      }
      return replaced(Engine.prototype, 'drain', { value: hasty })
    },
  },
  {
    name: 'revoked partitions are kept, and given up all the same',
    breaks: ['3', 'callbacks', 'exactly once'],
    install: () => replaced(Owner.prototype, 'revoked', { value: async () => {} }),
  },
  {
    name: 'what was lost goes on being handled',
    breaks: ['3', '1', 'callbacks'],
    from: 2,
    install: () => replaced(Owner.prototype, 'lost', { value: async () => {} }),
  },
  {
    name: 'handlers are started whatever the lease says',
    breaks: ['3'],
    from: 108,
    install: () => replaced(Lease.prototype, 'open', { get: () => true }),
  },
  {
    name: 'partitions that were given up go on being committed, in the name of the newest membership',
    breaks: ['3', '1'],
    install: () =>
      all(
        replaced(CommitLoop.prototype, 'remove', { value: () => {} }),
        replaced(Claim.prototype, 'live', { get: () => true }),
      ),
  },
  {
    name: 'an offset that could not be loaded is taken for one that was never committed',
    breaks: ['1', 'exactly once'],
    from: 31,
    install: () => {
      const { load } = KafkaOffsetStorage.prototype
      const careless: typeof load = async function (this: KafkaOffsetStorage, partitions) {
        const results = await load.call(this, partitions).catch(() => [])
        if (results.length === 0) return partitions.map(place => ({ ...place, committed: null, error: null }))
        return results.map(result => ({ ...result, error: null }))
      }
      return replaced(KafkaOffsetStorage.prototype, 'load', { value: careless })
    },
  },
  {
    name: 'a heartbeat that tells of a rebalance is not listened to',
    breaks: ['progress', '3', 'exactly once'],
    from: 8,
    install: () => {
      const { refused } = GroupCoordinator.prototype
      const deaf: typeof refused = function (this: GroupCoordinator, identity, errorCode) {
        if (errorCode !== errorCodes.REBALANCE_IN_PROGRESS) refused.call(this, identity, errorCode)
      }
      return replaced(GroupCoordinator.prototype, 'refused', { value: deaf })
    },
  },
  {
    name: 'a member does not listen when it is told to be none any more',
    breaks: ['3', '1', 'callbacks', 'progress'],
    from: 4,
    install: () => {
      const { refused } = GroupCoordinator.prototype
      const stubborn: typeof refused = function (this: GroupCoordinator, identity, errorCode) {
        if (errorCode !== errorCodes.UNKNOWN_MEMBER_ID) refused.call(this, identity, errorCode)
      }
      return replaced(GroupCoordinator.prototype, 'refused', { value: stubborn })
    },
  },
  {
    name: 'a position is committed although messages before it are not done',
    breaks: ['1'],
    install: () => {
      const position = function (this: Claim): number {
        return this.reservoir.delivered
      }
      return replaced(Claim.prototype, 'committable', { get: position })
    },
  },
  {
    name: 'a drain leaves what was taken in front of what is done to the next owner',
    breaks: ['exactly once'],
    from: 65,
    install: () =>
      all(
        replaced(Intake.prototype, 'finishes', { value: () => false }),
        replaced(Intake.prototype, 'drained', {
          get(this: Intake<WorkMessage>) {
            return this.running === 0
          },
        }),
      ),
  },
  {
    name: 'a gap in time is not noticed',
    breaks: ['3'],
    from: 20,
    install: () => replaced(Lease.prototype, 'look', { value: () => {} }),
  },
  {
    name: 'what was lost is treated as if it was revoked',
    breaks: ['callbacks', '3'],
    from: 2,
    install: () => {
      const { revoked } = Owner.prototype
      return replaced(Owner.prototype, 'lost', { value: revoked })
    },
  },
  {
    name: 'a release is not waited for',
    breaks: ['callbacks', 'exactly once', '3'],
    install: () => {
      const { release } = Owner.prototype
      const hasty: typeof release = function (this: Owner, claims, limits) {
        void release.call(this, claims, limits)
        return Promise.resolve()
      }
      return replaced(Owner.prototype, 'release', { value: hasty })
    },
  },
  {
    name: 'a partition that is being given up begins all the same, once its offset is known',
    breaks: ['callbacks', '3'],
    install: () => {
      const { drain } = Engine.prototype
      const forgetful: typeof drain = function (this: Engine, claims) {
        const drained = drain.call(this, claims)
        for (const claim of claims) claim.draining = false
        return drained
      }
      return replaced(Engine.prototype, 'drain', { value: forgetful })
    },
  },
  {
    name: 'a member that joins again does not say who it was',
    breaks: ['ghosts', 'exactly once', 'exception'],
    from: 33,
    install: () => {
      const { join } = GroupCalls.prototype
      const joined = new WeakMap<GroupCalls, string>()
      const nameless: typeof join = function (this: GroupCalls, memberId, ...rest) {
        const again = joined.get(this) === memberId
        joined.set(this, memberId)
        return join.call(this, again ? '' : memberId, ...rest)
      }
      return replaced(GroupCalls.prototype, 'join', { value: nameless })
    },
  },
]
