import type { Clock } from '../base/clock.ts'
import { MillraceError, OptionError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Circuit, type CircuitDecision } from '../work/circuit.ts'
import type { Failure } from '../work/failure.ts'
import type { Route } from '../work/route.ts'
import { type CircuitState, isCircuitDecision, type ResolvedBreaker } from './breaker-options.ts'
import type { AnyMessage } from './claim.ts'
import { probing } from './probes.ts'

export interface BreakerParts {
  readonly options: ResolvedBreaker
  readonly clock: Clock
  readonly logger: Logger
  /** Of the monotonic clock, in ms since 1970. */
  readonly wallTime: (at: number) => number
  /** A circuit is in another phase: more may be started, or less. */
  readonly changed: (state: CircuitState) => void
  readonly fatal: (error: Error) => void
}

/** A circuit, and whose it is. */
interface Placed {
  readonly circuit: Circuit
  /** Null: that of all partitions. */
  readonly place: TopicPartition | null
  /** The failure that opened it, or may. */
  last: Failure<AnyMessage> | null
}

/** The circuits of a consumer: one for all partitions, or one for each. */
export class Breaker {
  readonly #parts: BreakerParts
  readonly #placed = new Map<string, Placed>()
  /** How often one opened. */
  opened = 0

  constructor(parts: BreakerParts) {
    this.#parts = parts
  }

  get options(): ResolvedBreaker {
    return this.#parts.options
  }

  circuit(place: TopicPartition): Circuit {
    return this.#of(place).circuit
  }

  /** The attempts of a message are spent. */
  failed(failure: Failure<AnyMessage>): void {
    const placed = this.#of(failure.message)
    placed.last = failure
    placed.circuit.failed()
  }

  /** The same route, which tells the circuits how their probes end. */
  watched(route: Route<AnyMessage>): Route<AnyMessage> {
    return probing(route, place => this.circuit(place))
  }

  /** Those that are not closed. */
  state(): readonly CircuitState[] {
    return [...this.#placed.values()].filter(({ circuit }) => circuit.phase !== 'closed').map(each => this.#state(each))
  }

  close(): void {
    for (const { circuit } of this.#placed.values()) circuit.close()
  }

  #of({ topic, partition }: TopicPartition): Placed {
    const whole = this.options.scope === 'consumer'
    const name = whole ? '' : partitionName(topic, partition)
    const known = this.#placed.get(name)
    if (known !== undefined) return known
    const { failures, windowMs, pauseMs } = this.options
    const placed: Placed = {
      place: whole ? null : { topic, partition },
      last: null,
      circuit: new Circuit({
        failures,
        windowMs,
        pauseMs,
        clock: this.#parts.clock,
        decide: () => this.#decide(placed),
        changed: () => this.#changed(placed),
        stop: () => this.#parts.fatal(this.#tooMany(placed)),
      }),
    }
    this.#placed.set(name, placed)
    return placed
  }

  /** Never rejects: a decision that cannot be had stops the consumer, which loses nothing. */
  async #decide({ place, last }: Placed): Promise<CircuitDecision> {
    const { onOpen, failures, windowMs } = this.options
    if (typeof onOpen !== 'function') return onOpen
    try {
      const { topic = null, partition = null } = place ?? {}
      // One was just told.
      const answer: unknown = await onOpen({ topic, partition, failures, windowMs, last: last as Failure<AnyMessage> })
      if (isCircuitDecision(answer)) return answer
      throw new OptionError(`it answered ${String(answer)}, which is no decision`)
    } catch (thrown) {
      this.#parts.logger.error({ err: toError(thrown) }, `work.breaker.onOpen failed: ${toError(thrown).message}`)
      return 'stop'
    }
  }

  #changed(placed: Placed): void {
    const { changed, logger } = this.#parts
    const state = this.#state(placed)
    const { phase, topic, partition } = state
    if (phase === 'open') this.opened++
    const where = topic === null || partition === null ? 'all partitions' : partitionName(topic, partition)
    const what = phase === 'closed' ? 'go on' : phase === 'open' ? 'stand still' : 'wait for one message that probes'
    const level = phase === 'open' ? 'warn' : 'info'
    logger[level]({ topic, partition, phase, until: state.until }, `the circuit is ${phase}: ${where} ${what}`)
    changed(state)
  }

  #state({ circuit, place }: Placed): CircuitState {
    const { wallTime } = this.#parts
    const { phase, since, until } = circuit
    const { topic = null, partition = null } = place ?? {}
    return { topic, partition, phase, since: wallTime(since), until: until === null ? null : wallTime(until) }
  }

  #tooMany({ place, last }: Placed): MillraceError {
    const { failures, windowMs } = this.options
    const where = place === null ? '' : ` of ${partitionName(place.topic, place.partition)}`
    const text = `${failures} messages${where} failed within ${windowMs} ms, the last because of: ${last?.error.message}`
    return new MillraceError('CIRCUIT_OPEN', text, { ...place, cause: last?.error })
  }
}
