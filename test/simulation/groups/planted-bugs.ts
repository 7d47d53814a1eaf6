import { Claim } from '../../../src/consumer/claim.ts'
import { Engine } from '../../../src/consumer/engine.ts'
import { Owner } from '../../../src/consumer/owner.ts'
import { CommitLoop } from '../../../src/offsets/commit-loop.ts'
import { KafkaOffsetStorage } from '../../../src/offsets/kafka-storage.ts'
import { GroupCalls } from '../../../src/ownership/group/group-calls.ts'
import { GroupCoordinator } from '../../../src/ownership/group/group-coordinator.ts'
import { Lease } from '../../../src/ownership/group/lease.ts'
import { errorCodes } from '../../../src/protocol/error-codes.ts'
import { Intake } from '../../../src/work/intake.ts'
import { all, replace, replaceGetter } from '../../replace.ts'
import type { PlantedBug } from '../plant.ts'

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'partitions are released before their drain is over',
    breaks: ['3', '2', 'callbacks', 'exactly once'],
    from: 4,
    install: () =>
      replace(
        Engine.prototype,
        'drain',
        drain =>
          async function (claims) {
            void drain.call(this, claims)
            return 0
          },
      ),
  },
  {
    name: 'revoked partitions are kept, and given up all the same',
    breaks: ['3', 'callbacks', 'exactly once'],
    install: () => replace(Owner.prototype, 'revoked', () => async () => {}),
  },
  {
    name: 'what was lost goes on being handled',
    breaks: ['3', '1', 'callbacks'],
    from: 2,
    install: () => replace(Owner.prototype, 'lost', () => async () => {}),
  },
  {
    name: 'handlers are started whatever the lease says',
    breaks: ['3'],
    from: 108,
    install: () => replaceGetter(Lease.prototype, 'open', () => () => true),
  },
  {
    name: 'partitions that were given up go on being committed, in the name of the newest membership',
    breaks: ['3', '1'],
    install: () =>
      all(
        replace(CommitLoop.prototype, 'remove', () => () => {}),
        replaceGetter(Claim.prototype, 'live', () => () => true),
      ),
  },
  {
    name: 'an offset that could not be loaded is taken for one that was never committed',
    breaks: ['1', 'exactly once'],
    from: 31,
    install: () =>
      replace(
        KafkaOffsetStorage.prototype,
        'load',
        load =>
          async function (partitions) {
            const results = await load.call(this, partitions).catch(() => [])
            if (results.length === 0) return partitions.map(place => ({ ...place, committed: null, error: null }))
            return results.map(result => ({ ...result, error: null }))
          },
      ),
  },
  {
    name: 'a heartbeat that tells of a rebalance is not listened to',
    breaks: ['progress', '3', 'exactly once'],
    from: 8,
    install: () =>
      replace(
        GroupCoordinator.prototype,
        'refused',
        refused =>
          function (identity, errorCode) {
            if (errorCode !== errorCodes.REBALANCE_IN_PROGRESS) refused.call(this, identity, errorCode)
          },
      ),
  },
  {
    name: 'a member does not listen when it is told to be none any more',
    breaks: ['3', '1', 'callbacks', 'progress'],
    from: 4,
    install: () =>
      replace(
        GroupCoordinator.prototype,
        'refused',
        refused =>
          function (identity, errorCode) {
            if (errorCode !== errorCodes.UNKNOWN_MEMBER_ID) refused.call(this, identity, errorCode)
          },
      ),
  },
  {
    name: 'a position is committed although messages before it are not done',
    breaks: ['1'],
    install: () =>
      replaceGetter(
        Claim.prototype,
        'committable',
        () =>
          function () {
            return this.reservoir.delivered
          },
      ),
  },
  {
    name: 'a drain leaves what was taken in front of what is done to the next owner',
    breaks: ['exactly once'],
    from: 65,
    install: () =>
      all(
        replace(Intake.prototype, 'finishes', () => () => false),
        replaceGetter(
          Intake.prototype,
          'drained',
          () =>
            function () {
              return this.running === 0
            },
        ),
      ),
  },
  {
    name: 'a gap in time is not noticed',
    breaks: ['3'],
    from: 20,
    install: () => replace(Lease.prototype, 'look', () => () => {}),
  },
  {
    name: 'what was lost is treated as if it was revoked',
    breaks: ['callbacks', '3'],
    from: 2,
    install: () => replace(Owner.prototype, 'lost', () => Owner.prototype.revoked),
  },
  {
    name: 'a release is not waited for',
    breaks: ['callbacks', 'exactly once', '3'],
    install: () =>
      replace(
        Owner.prototype,
        'release',
        release =>
          async function (claims, limits) {
            void release.call(this, claims, limits)
          },
      ),
  },
  {
    name: 'a partition that is being given up begins all the same, once its offset is known',
    breaks: ['callbacks', '3'],
    install: () =>
      replace(
        Engine.prototype,
        'drain',
        drain =>
          function (claims) {
            const drained = drain.call(this, claims)
            for (const claim of claims) claim.draining = false
            return drained
          },
      ),
  },
  {
    name: 'a member that joins again does not say who it was',
    breaks: ['ghosts', 'exactly once', 'exception'],
    from: 33,
    install: () =>
      replace(GroupCalls.prototype, 'join', join => {
        const joined = new WeakMap<GroupCalls, string>()
        return function (memberId, ...rest) {
          const again = joined.get(this) === memberId
          joined.set(this, memberId)
          return join.call(this, again ? '' : memberId, ...rest)
        }
      }),
  },
]
