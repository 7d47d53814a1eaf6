import { Breaker } from '../../src/consumer/breaker.ts'
import type { ResolvedBreaker } from '../../src/consumer/breaker-options.ts'
import { Circuit, type CircuitDecision } from '../../src/work/circuit.ts'
import { replace, replaceGetter } from '../replace.ts'
import type { PlantedBug } from './plant.ts'

export const bugsOfBreakers: readonly PlantedBug[] = [
  {
    name: 'an open circuit lets messages be started',
    breaks: ['breaker'],
    install: () => replaceGetter(Circuit.prototype, 'allows', () => () => true),
  },
  {
    name: 'a half-open circuit lets more than its probe be started',
    breaks: ['breaker'],
    install: () =>
      replaceGetter(
        Circuit.prototype,
        'allows',
        () =>
          function () {
            return this.phase !== 'open'
          },
      ),
  },
  {
    name: 'a circuit does not count all failures',
    breaks: ['breaker'],
    install: () => {
      let count = 0
      return replace(
        Circuit.prototype,
        'failed',
        failed =>
          function () {
            if (++count % 3 > 0) failed.call(this)
          },
      )
    },
  },
  {
    name: 'a circuit counts a failure twice',
    breaks: ['breaker'],
    install: () =>
      replace(
        Circuit.prototype,
        'failed',
        failed =>
          function () {
            failed.call(this)
            failed.call(this)
          },
      ),
  },
  {
    name: 'a probe that fails closes the circuit',
    breaks: ['breaker'],
    install: () =>
      replace(
        Circuit.prototype,
        'probed',
        probed =>
          function (probe) {
            probed.call(this, probe, 'handled')
          },
      ),
  },
  {
    name: 'a circuit does not hear of its probes',
    breaks: ['breaker', '1'],
    install: () => replace(Circuit.prototype, 'probed', () => () => {}),
  },
  {
    name: 'failures count for a circuit for ever',
    breaks: ['breaker'],
    install: () => options(given => ({ ...given, windowMs: Number.POSITIVE_INFINITY })),
  },
  {
    name: 'a circuit forgets failures too soon',
    breaks: ['breaker'],
    install: () => options(given => ({ ...given, windowMs: given.windowMs / 2 })),
  },
  {
    name: 'a circuit probes before its pause is over',
    breaks: ['breaker'],
    install: () => options(given => ({ ...given, pauseMs: given.pauseMs / 2 })),
  },
  {
    name: 'the circuit of one partition counts the failures of all',
    breaks: ['breaker'],
    install: () => options(given => ({ ...given, scope: 'consumer' })),
  },
  {
    name: 'the circuit of all partitions counts the failures of one',
    breaks: ['breaker'],
    install: () => options(given => ({ ...given, scope: 'partition' })),
  },
  {
    name: 'what a breaker is answered is taken for a pause',
    breaks: ['breaker'],
    install: () => answering(() => 'pause'),
  },
  {
    name: 'a breaker that is to stop the consumer goes on',
    breaks: ['breaker'],
    install: () => answering(answer => (answer === 'stop' ? 'continue' : answer)),
  },
]

function options(other: (given: ResolvedBreaker) => ResolvedBreaker): () => void {
  return replaceGetter(
    Breaker.prototype,
    'options',
    given =>
      function () {
        return other(given.call(this))
      },
  )
}

function answering(other: (answer: CircuitDecision) => CircuitDecision): () => void {
  return options(given => ({
    ...given,
    onOpen: async failures => {
      const { onOpen } = given
      return other(typeof onOpen === 'function' ? await onOpen(failures) : onOpen)
    },
  }))
}
