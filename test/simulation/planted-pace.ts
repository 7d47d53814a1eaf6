import { KeyRates, TokenBucket } from '../../src/work/rate.ts'
import { Rotation } from '../../src/work/rotation.ts'
import { SlotState } from '../../src/work/slot.ts'
import { Throttle } from '../../src/work/throttle.ts'
import { replace, replaceGetter } from '../replace.ts'
import type { PlantedBug } from './plant.ts'
import { due, NEVER, routing } from './planted-decisions.ts'

/** Of when messages may be started. */
export const bugsOfPace: readonly PlantedBug[] = [
  // ── rate ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'the rate of a route is not kept',
    breaks: ['pace'],
    install: () => replace(Throttle.prototype, 'holds', () => () => false),
  },
  {
    name: 'messages that never waited do not count for the rate of their route',
    breaks: ['pace'],
    install: () => replace(Throttle.prototype, 'take', () => () => {}),
  },
  {
    name: 'of a batch only one message counts for the rate of its route',
    breaks: ['pace'],
    install: () =>
      replace(
        TokenBucket.prototype,
        'take',
        take =>
          function (count, now) {
            take.call(this, Math.min(count, 1), now)
          },
      ),
  },
  {
    name: 'a rate lets more messages start at once than it may',
    breaks: ['pace'],
    install: () => routing(route => ({ ...route, rate: route.rate && { ...route.rate, burst: route.rate.burst + 1 } })),
  },
  {
    name: 'a rate that was used up is never there again',
    breaks: ['1'],
    install: () =>
      replaceGetter(
        TokenBucket.prototype,
        'readyAt',
        readyAt =>
          function () {
            const at = readyAt.call(this)
            return at > 0 ? NEVER : at
          },
      ),
  },
  {
    name: 'a route and its retry topics have a rate each',
    breaks: ['pace'],
    from: 240,
    install: () => routing(route => ({ ...route, family: route })),
  },
  // ── keyRate ───────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'the rate of a key is not kept',
    breaks: ['pace'],
    install: () => replace(KeyRates.prototype, 'take', () => () => 0),
  },
  {
    name: 'what waited for the rate of its key needs none any more',
    breaks: ['pace'],
    install: () =>
      replace(
        KeyRates.prototype,
        'take',
        take =>
          function (message, now, fresh) {
            return fresh ? take.call(this, message, now, fresh) : 0
          },
      ),
  },
  {
    name: 'what waits for the rate of its key waits for ever',
    breaks: ['1'],
    install: () => due(({ state }) => state === SlotState.paced, NEVER),
  },
  // ── priority ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'what is less urgent comes first',
    breaks: ['pace'],
    from: 360,
    install: () => routing(route => ({ ...route, priority: -route.priority })),
  },
  {
    name: 'nothing is more urgent than another',
    breaks: ['pace'],
    from: 360,
    install: () => routing(route => ({ ...route, priority: 0 })),
  },
  {
    name: 'what is less urgent has no turn',
    breaks: ['1'],
    install: () =>
      replace(
        Rotation.prototype,
        'add',
        add =>
          function (intake) {
            if (intake.route.priority > 0) add.call(this, intake)
          },
      ),
  },
]
