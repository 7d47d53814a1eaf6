import type { Clock } from '../../src/base/clock.ts'
import type { CircuitDecision, CircuitPhase } from '../../src/work/circuit.ts'
import type { BreakerScenario, RouteScenario } from './scenario.ts'

/** What was started to see whether it works again. */
interface Probe {
  readonly at: number
  /** How long it may take. */
  readonly withinMs: number
  readonly messages: Set<unknown>
  /** How it ended; null: it has not, or nobody can say. */
  result: 'handled' | 'failed' | 'dropped' | null
  /** Its partition was given up while it was decoded: it may end without a word. */
  leaves: boolean
}

/**
 * What one circuit may do. It is told of each phase, says whether there was reason for it, and holds what is started to it: nothing while
 * it is open, one message or batch while it is half open.
 */
export class CircuitModel {
  readonly #options: BreakerScenario
  readonly #clock: Clock
  readonly #violated: (what: string) => void
  #phase: CircuitPhase = 'closed'
  /** When messages' attempts were spent since it was closed. */
  #spent: number[] = []
  #answer: CircuitDecision | null = null
  /** When it may be half open. */
  #until = Number.POSITIVE_INFINITY
  #probe: Probe | null = null

  constructor(options: BreakerScenario, clock: Clock, violated: (what: string) => void) {
    this.#options = options
    this.#clock = clock
    this.#violated = violated
  }

  /** The attempts of a message are spent; the circuit is told next. */
  spent(): void {
    this.#spent.push(this.#clock.now())
  }

  /** The circuit was told. */
  counted(): void {
    if (this.#phase === 'closed' && this.#tooMany) this.#violated(`${this.#options.failures} failed, and it is closed`)
  }

  answered(decision: CircuitDecision): void {
    if (this.#phase !== 'open') this.#violated(`onOpen was asked although it is ${this.#phase}`)
    this.#answer = decision
    this.#until = this.#clock.now() + this.#options.pauseMs
  }

  changed(phase: CircuitPhase): void {
    const why = this.#phase
    const result = this.#probe?.result ?? null
    const now = this.#clock.now()
    if (phase === 'closed') {
      if (result !== 'handled' && this.#answer !== 'continue') this.#violated(`it closes, and was ${why}`)
      this.#spent = []
      this.#answer = null
    } else if (phase === 'half-open') {
      const soon = why === 'open' && (now < this.#until || this.#answer === 'continue' || this.#answer === 'stop')
      if (why === 'closed' || soon) this.#violated(`it is half open ${this.#until - now} ms too early`)
      if (why === 'half-open' && result !== 'dropped' && !this.#isOver && !this.#probe?.leaves)
        this.#violated('its probe has not ended')
      this.#answer = null
    } else if (why === 'closed') {
      if (!this.#tooMany) this.#violated('it opens, and too few have failed')
      this.#until = Number.POSITIVE_INFINITY
    } else if (why === 'half-open') {
      if (result !== 'failed' && result !== 'dropped') this.#violated('it opens, and its probe has not failed')
      this.#until = now + this.#options.pauseMs
    }
    this.#phase = phase
    if (phase !== 'open') this.#probe = null
  }

  /** These are started, together. */
  started(messages: readonly unknown[], { batch, timeoutMs, abandonMs }: RouteScenario): void {
    if (this.#phase === 'closed') return
    const probe = this.#probe
    if (this.#phase === 'open') {
      // The first of a batch may have ended it already.
      if (!this.#joins(probe, messages, batch)) this.#violated('something is started although it is open')
      return
    }
    if (probe === null) {
      const withinMs = timeoutMs + abandonMs
      this.#probe = { at: this.#clock.now(), withinMs, messages: new Set(messages), result: null, leaves: false }
      return
    }
    if (messages.every(message => probe.messages.has(message))) return
    if (!this.#joins(probe, messages, batch)) this.#violated('something is started beside its probe')
    for (const message of messages) probe.messages.add(message)
  }

  /** A handler ended, or a message could not be decoded. `'dropped'`: its partition was taken away, or there may be others in its batch. */
  ended(messages: readonly unknown[], result: 'handled' | 'failed' | 'dropped'): void {
    const probe = this.#probe
    if (probe !== null && messages.some(message => probe.messages.has(message))) probe.result ??= result
  }

  /** The partition of these is given up, and they are being decoded. */
  leaving(messages: readonly unknown[]): void {
    const probe = this.#probe
    if (probe !== null && messages.some(message => probe.messages.has(message))) probe.leaves = true
  }

  /** What is decoded is told message by message, and is of one batch if it is started at the same time. */
  #joins(probe: Probe | null, messages: readonly unknown[], batch: RouteScenario['batch']): boolean {
    if (probe === null || batch === null || probe.at !== this.#clock.now()) return false
    return probe.messages.size + messages.length <= batch.messages
  }

  get #tooMany(): boolean {
    const { failures, windowMs } = this.#options
    const oldest = this.#spent.at(-failures)
    return oldest !== undefined && this.#clock.now() - oldest <= windowMs
  }

  /** Its probe had all the time that it may take. */
  get #isOver(): boolean {
    return this.#probe !== null && this.#clock.now() - this.#probe.at >= this.#probe.withinMs
  }
}
