import type { AnyMessage } from '../../src/consumer/claim.ts'
import { Reservoir } from '../../src/fetch/reservoir.ts'
import { Gaps, MetadataLimit } from '../../src/offsets/gaps.ts'
import { Deadlines } from '../../src/work/deadlines.ts'
import { Dispatcher } from '../../src/work/dispatcher.ts'
import { HandlerAbandoned } from '../../src/work/failure.ts'
import { Handlers } from '../../src/work/handlers.ts'
import type { Intake } from '../../src/work/intake.ts'
import { SlotState } from '../../src/work/slot.ts'
import { replace, replaceGetter } from '../replace.ts'
import type { PlantedBug } from './plant.ts'
import { due, NEVER, routing, whenWaiting } from './planted-decisions.ts'

/** Of how much there may be at the same time, and for how long. */
export const bugsOfLimits: readonly PlantedBug[] = [
  {
    name: 'a handler that ends makes room for two',
    breaks: ['3', '4'],
    install: () =>
      sometimesFinished(handlers => {
        if (handlers.running > 0) handlers.running--
      }),
  },
  {
    name: 'a handler that ends makes room for two of its partition',
    breaks: ['2', '4'],
    install: () =>
      sometimesFinished((_, intake) => {
        intake.running--
      }),
  },
  {
    name: 'what is left or held does not keep more from being taken',
    breaks: ['4'],
    install: () =>
      whenWaiting(slot => {
        if (slot.undone) slot.intake.undone--
      }),
  },
  {
    name: 'what is left or held takes more memory than it may',
    breaks: ['4'],
    from: 480,
    install: () => replaceGetter(Reservoir.prototype, 'heavy', () => () => false),
  },
  {
    name: 'the consumer goes on with handlers that never end',
    breaks: ['4'],
    from: 130,
    install: () =>
      replace(
        Dispatcher.prototype,
        'stop',
        stop =>
          function (error) {
            if (!(error instanceof HandlerAbandoned)) stop.call(this, error)
          },
      ),
  },
  {
    name: 'a handler is not told that its time is over',
    breaks: ['1'],
    install: () => replace(Deadlines.prototype, 'expire', () => () => null),
  },
  {
    name: 'a batch that is not full waits for ever',
    breaks: ['1'],
    install: () => due(({ state, members }) => state === SlotState.parked && members !== null, NEVER),
  },
  {
    name: 'messages of one key are handled at the same time',
    breaks: ['2'],
    install: () => routing(route => (route.order === 'key' ? { ...route, order: 'none' } : route)),
  },
  {
    name: 'messages of one partition are handled at the same time',
    breaks: ['2'],
    install: () => routing(route => (route.order === 'partition' ? { ...route, order: 'key' } : route)),
  },
  {
    name: 'a commit remembers more than it may',
    breaks: ['gaps'],
    install: () => replaceGetter(MetadataLimit.prototype, 'characters', () => () => 32_767),
  },
  {
    name: 'more is done above the mark than can be remembered',
    breaks: ['gaps'],
    from: 300,
    install: () => replaceGetter(Gaps.prototype, 'full', () => () => false),
  },
]

/** Once in ten times, this follows when a handler has ended. */
function sometimesFinished(then: (handlers: Handlers<AnyMessage>, intake: Intake<AnyMessage>) => void): () => void {
  let count = 0
  return replace(
    Handlers.prototype,
    'finished',
    finished =>
      function (intake) {
        finished.call(this, intake)
        if (++count % 10 === 0) then(this, intake)
      },
  )
}
