import { SectionCheck } from '../base/option-check.ts'
import type { CircuitDecision, CircuitPhase } from '../work/circuit.ts'
import type { Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'

/** Too many messages failed: asked what is to become of the partition, or of all. */
export interface CircuitFailures {
  /** Null: the circuit is that of all partitions. */
  readonly topic: string | null
  readonly partition: number | null
  /** So many messages have failed within `windowMs`. */
  readonly failures: number
  readonly windowMs: number
  /** The last of them. */
  readonly last: Failure<AnyMessage>
}

/** `work.breaker`: when too many messages fail, nothing is started for a while. Counted are messages whose attempts are spent. */
export interface BreakerOptions {
  /** So many within `windowMs` open the circuit. Default 100. */
  failures?: number
  /** Default 60,000. */
  windowMs?: number
  /** Whether all partitions share one circuit, or each has its own. Default `'consumer'`. */
  scope?: 'consumer' | 'partition'
  /** How long nothing is started; then one message probes whether it works again. Default 30,000. */
  pauseMs?: number
  /** What is to be done then; a function that throws stops the consumer. Default `'pause'`. */
  onOpen?: CircuitDecision | ((failures: CircuitFailures) => CircuitDecision | Promise<CircuitDecision>)
}

export interface ResolvedBreaker extends Required<BreakerOptions> {}

/** A circuit, in `state()` while it is not closed. Times are ms since 1970. */
export interface CircuitState {
  /** Null: the circuit is that of all partitions. */
  readonly topic: string | null
  readonly partition: number | null
  readonly phase: CircuitPhase
  readonly since: number
  /** When one message will probe; null: it does, or `onOpen` has not answered. */
  readonly until: number | null
}

const NAMES: readonly (keyof BreakerOptions)[] = ['failures', 'windowMs', 'scope', 'pauseMs', 'onOpen']
const LONGEST_MS = 2 ** 31 - 1

export function isCircuitDecision(value: unknown): value is CircuitDecision {
  return value === 'pause' || value === 'continue' || value === 'stop'
}

/** @throws {OptionError} */
export function resolveBreaker(options: BreakerOptions | undefined): ResolvedBreaker | null {
  if (options === undefined) return null
  const section = new SectionCheck('work.breaker', options, NAMES)
  const onOpen = options.onOpen ?? 'pause'
  if (typeof onOpen !== 'function' && !isCircuitDecision(onOpen)) {
    throw section.wrong('onOpen', "'pause', 'continue', 'stop' or a function that answers one of them")
  }
  return {
    failures: section.number('failures', 100, { min: 1, max: 1_000_000 }),
    windowMs: section.number('windowMs', 60_000, { min: 1 }),
    scope: section.oneOf('scope', 'consumer', ['consumer', 'partition']),
    pauseMs: section.number('pauseMs', 30_000, { min: 1, max: LONGEST_MS }),
    onOpen,
  }
}
