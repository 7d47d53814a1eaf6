import type { Clock } from '../../src/base/clock.ts'
import type { Logger } from '../../src/base/logger.ts'
import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import { Breaker } from '../../src/consumer/breaker.ts'
import type { CircuitState } from '../../src/consumer/breaker-options.ts'
import type { CircuitDecision } from '../../src/work/circuit.ts'
import { CircuitModel } from './circuit-model.ts'
import type { Dice } from './dice.ts'
import type { BreakerScenario } from './scenario.ts'

export interface BreakerParts {
  readonly clock: Clock
  /** The user's. */
  readonly hands: Clock
  readonly dice: Dice
  readonly logger: Logger
  readonly calm: () => boolean
  readonly say: (state: CircuitState) => void
  readonly violated: (what: string) => void
  readonly changed: () => void
  readonly fatal: (error: Error) => void
}

/** A process's breaker, and the models that watch its circuits. */
export class SimulatedBreaker {
  readonly breaker: Breaker
  readonly #options: BreakerScenario
  readonly #parts: BreakerParts
  readonly #models = new Map<string, CircuitModel>()

  constructor(options: BreakerScenario, parts: BreakerParts) {
    this.#options = options
    this.#parts = parts
    const { clock, logger, fatal } = parts
    this.breaker = new Breaker({
      options: { ...options, onOpen: place => this.#onOpen(place) },
      clock,
      logger,
      fatal,
      wallTime: at => clock.wallTime() - clock.now() + at,
      changed: state => {
        parts.say(state)
        this.#modelOf(state).changed(state.phase)
        parts.changed()
      },
    })
  }

  model(place: TopicPartition): CircuitModel {
    return this.#modelOf(this.#options.scope === 'consumer' ? { topic: null, partition: null } : place)
  }

  #modelOf({ topic, partition }: { readonly topic: string | null; readonly partition: number | null }): CircuitModel {
    const name = topic === null || partition === null ? 'all' : partitionName(topic, partition)
    const known = this.#models.get(name)
    if (known !== undefined) return known
    const { clock, violated } = this.#parts
    const model = new CircuitModel(this.#options, clock, what => violated(`the circuit of ${name}: ${what}`))
    this.#models.set(name, model)
    return model
  }

  #onOpen(place: { topic: string | null; partition: number | null }): CircuitDecision | Promise<CircuitDecision> {
    const { dice, hands, calm } = this.#parts
    const { onOpen } = this.#options
    const chosen = onOpen === 'by-chance' ? dice.weighted({ pause: 10, continue: 5, stop: 0.5 }) : onOpen
    const answer = (): CircuitDecision => {
      const decision = calm() && chosen === 'stop' ? 'pause' : chosen
      this.#modelOf(place).answered(decision)
      return decision
    }
    if (dice.chance(0.5)) return answer()
    return new Promise(resolve => hands.after(dice.int(0, 100), () => resolve(answer())))
  }
}
