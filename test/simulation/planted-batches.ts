import { Message } from '../../src/records/message.ts'
import { Intake } from '../../src/work/intake.ts'
import { Verdicts } from '../../src/work/verdicts.ts'
import { replace, replaceGetter } from '../replace.ts'
import type { PlantedBug } from './plant.ts'
import { routing } from './planted-decisions.ts'

/** Of what is in a batch, what is said of single messages, and how one is split. */
export const bugsOfBatches: readonly PlantedBug[] = [
  {
    name: 'a batch by key is of all keys with the same hash',
    breaks: ['batches'],
    from: 69,
    install: () => replace(Message.prototype, 'hasKeyOf', () => () => true),
  },
  {
    name: 'a batch is of partitions that do not go together',
    breaks: ['batches'],
    install: () =>
      routing(route => (route.batch === null ? route : { ...route, batch: { ...route.batch, by: 'route' } })),
  },
  {
    name: 'what a handler said is done shares the end of its batch',
    breaks: ['1', 'exception'],
    from: 9,
    install: () => saying(error => error !== null),
  },
  {
    name: 'what a handler said has failed shares the end of its batch',
    breaks: ['1', 'exception', 'attempts', '4'],
    from: 9,
    install: () => saying(error => error === null),
  },
  {
    name: 'what is said of a batch counts after its end',
    breaks: ['batches', 'exception', '1', '3'],
    from: 9,
    install: () => replace(Verdicts.prototype, 'end', () => () => {}),
  },
  {
    name: 'a batch whose attempts are spent is not split',
    breaks: ['attempts', '1'],
    from: 9,
    install: () => routing(route => (route.batch === null ? route : { ...route, once: true })),
  },
  {
    name: 'half of a batch that is split is lost',
    breaks: ['1', '4'],
    from: 21,
    install: () => {
      let count = 0
      return replace(
        Intake.prototype,
        'unshiftReady',
        unshiftReady =>
          function (slot) {
            if (++count % 3 > 0) unshiftReady.call(this, slot)
          },
      )
    },
  },
]

/** Of what handlers said, some is heard. */
function saying(which: (error: Error | null) => boolean): () => void {
  return replaceGetter(
    Verdicts.prototype,
    'said',
    said =>
      function () {
        const all = said.call(this)
        return all && new Map([...all].filter(([, error]) => which(error)))
      },
  )
}
