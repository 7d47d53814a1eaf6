import type { Clock, Timer } from '../base/clock.ts'

/** What becomes of a circuit that has had too many failures: wait and try one message, go on as if nothing was, or stop the consumer. */
export type CircuitDecision = 'pause' | 'continue' | 'stop'

export type CircuitPhase = 'closed' | 'open' | 'half-open'

/** How a probe ended; `'unknown'`: it was given up, and says nothing. */
export type ProbeResult = 'handled' | 'failed' | 'unknown'

export interface CircuitParts {
  /** So many failures within `windowMs` open it. */
  readonly failures: number
  readonly windowMs: number
  /** How long it stays open before one message probes. */
  readonly pauseMs: number
  readonly clock: Clock
  /** Asked each time that there were too many failures; nothing is started until it has answered. */
  readonly decide: () => CircuitDecision | Promise<CircuitDecision>
  /** It is in another phase. */
  readonly changed: (circuit: Circuit) => void
  /** `'stop'` was decided. */
  readonly stop: () => void
}

/**
 * Stops messages from being started while too many of them fail.
 *
 *     closed ──too many failures──▶ open ──after pauseMs──▶ half-open ──the probe is handled──▶ closed
 *                                    ▲                         └──the probe fails──┐
 *                                    └─────────────────────────────────────────────┘
 */
export class Circuit {
  readonly #parts: CircuitParts
  /** When the last failures were, by the clock's `now`: a ring, the oldest at `#next`. */
  readonly #times: Float64Array
  #next = 0
  #phase: CircuitPhase = 'closed'
  /** What was started to see whether it works; 0: nothing. Each has a number of its own. */
  #probe = 0
  #probes = 0
  #closed = false
  #since: number
  #until: number | null = null
  #timer: Timer | null = null

  constructor(parts: CircuitParts) {
    this.#parts = parts
    this.#times = new Float64Array(parts.failures).fill(Number.NEGATIVE_INFINITY)
    this.#since = parts.clock.now()
  }

  get phase(): CircuitPhase {
    return this.#phase
  }

  /** By the clock's `now`: since when it is in its phase. */
  get since(): number {
    return this.#since
  }

  /** By the clock's `now`: when a probe is made; null where that is not known. */
  get until(): number | null {
    return this.#until
  }

  /** Whether a message may be started now. */
  get allows(): boolean {
    return this.#phase === 'closed' || (this.#phase === 'half-open' && this.#probe === 0)
  }

  /** A message is started; answers the number of the probe that it is, which must tell how it ended within this time, or 0. */
  started(withinMs: number): number {
    if (this.#phase !== 'half-open' || this.#probe !== 0) return 0
    const probe = ++this.#probes
    this.#probe = probe
    this.#wait(withinMs, () => this.probed(probe, 'unknown'))
    return probe
  }

  /** How a probe ended. One whose partition was taken away tells nothing: another follows, and then nothing more is heard of it. */
  probed(probe: number, result: ProbeResult): void {
    if (probe !== this.#probe || probe === 0) return
    if (result === 'handled') this.#close()
    else if (result === 'failed') this.#open()
    else this.#become('half-open', null)
  }

  /** The attempts of a message are spent. */
  failed(): void {
    const { clock, windowMs } = this.#parts
    const now = clock.now()
    this.#times[this.#next] = now
    this.#next = (this.#next + 1) % this.#times.length
    if (this.#phase !== 'closed') return
    // The oldest of so many, this one included.
    if (now - (this.#times[this.#next] as number) <= windowMs) void this.#tooMany()
  }

  /** Ends its timer, and sets no other. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  async #tooMany(): Promise<void> {
    this.#become('open', null)
    const decision = await this.#parts.decide()
    if (decision === 'pause') this.#open()
    else if (decision === 'continue') this.#close()
    else this.#parts.stop()
  }

  #open(): void {
    const { clock, pauseMs } = this.#parts
    this.#become('open', clock.now() + pauseMs)
    this.#wait(pauseMs, () => this.#become('half-open', null))
  }

  #wait(ms: number, fn: () => void): void {
    if (!this.#closed) this.#timer = this.#parts.clock.after(ms, fn)
  }

  #close(): void {
    this.#times.fill(Number.NEGATIVE_INFINITY)
    this.#become('closed', null)
  }

  #become(phase: CircuitPhase, until: number | null): void {
    this.#probe = 0
    this.#timer?.cancel()
    this.#timer = null
    this.#phase = phase
    this.#since = this.#parts.clock.now()
    this.#until = until
    this.#parts.changed(this)
  }
}
