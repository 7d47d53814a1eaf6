import { type Clock, longestTimerMs, type Timer } from '../../base/clock.ts'
import { settled } from '../../base/held-clock.ts'

/** A log as the space that it shares with others sees it. */
export interface Tenant {
  /** Bytes of memory. */
  readonly memory: number
  readonly producers: number
  /** Gives up its oldest batches until so many bytes are free, where its settings allow it. */
  giveUp(bytes: number): void
  /** Forgets producers that it may forget. */
  forgetProducers(count: number): void
  /** Deletes what its settings keep no longer. */
  applyRetention(): void
}

export interface LogSpaceLimits {
  /** Bytes of memory for all logs. */
  readonly bytes: number
  /** Idempotent producers remembered in all logs. */
  readonly producers: number
  readonly retentionCheckMs: number
}

/** So that not every append at the limit looks through all logs. */
const atOnce = 1 / 16

/**
 * The memory that all logs of a cluster share. When it is used up, the log that has most gives up its oldest batches: a quiet topic
 * keeps what it has beside a loud one.
 */
export class LogSpace {
  readonly #clock: Clock
  readonly #limits: LogSpaceLimits
  readonly #tenants = new Set<Tenant>()
  #bytes = 0
  #producers = 0
  #timer: Timer | null = null
  #inflating: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock, limits: LogSpaceLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  join(tenant: Tenant): void {
    this.#tenants.add(tenant)
    this.#timer ??= this.#clock.every(Math.min(this.#limits.retentionCheckMs, longestTimerMs), () => {
      for (const each of this.#tenants) each.applyRetention()
    })
  }

  leave(tenant: Tenant): void {
    if (!this.#tenants.delete(tenant)) return
    this.#bytes -= tenant.memory
    this.#producers -= tenant.producers
    if (this.#tenants.size > 0) return
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Makes room for so many bytes; whether there is any. */
  hasRoom(bytes: number): boolean {
    const missing = () => this.#bytes + bytes - this.#limits.bytes
    if (missing() <= 0) return true
    const wanted = Math.max(missing(), this.#limits.bytes * atOnce)
    const largestFirst = [...this.#tenants].sort((a, b) => b.memory - a.memory)
    const goal = this.#bytes - wanted
    for (const tenant of largestFirst) {
      tenant.giveUp(this.#bytes - goal)
      if (missing() <= 0) return true
    }
    return false
  }

  /** A tenant took bytes, or gave them back. */
  changed(bytes: number): void {
    this.#bytes += bytes
  }

  /** A tenant remembers more producers, or fewer. */
  producersChanged(count: number): void {
    this.#producers += count
    if (this.#producers <= this.#limits.producers) return
    const most = [...this.#tenants].reduce((a, b) => (b.producers > a.producers ? b : a))
    most.forgetProducers(Math.max(1, Math.floor(this.#limits.producers * atOnce)))
  }

  /** Runs what may need much memory and time: one at a time, and others have their turn in between. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#inflating.then(run)
    this.#inflating = result.catch(() => {}).then(settled)
    return result
  }
}
