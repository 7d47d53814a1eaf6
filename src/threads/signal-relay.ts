import type { Clock, Timer } from '../base/clock.ts'
import { packReason } from './crossing.ts'
import type { Line } from './line.ts'
import type { ThreadedRoute } from './pool.ts'

interface SignalRelayParts {
  readonly signal: AbortSignal
  readonly line: Line
  /** Number of the task. */
  readonly number: number
  readonly route: ThreadedRoute
  readonly clock: Clock
}

/** Passes a handler's signal on to the thread it runs in. A handler that goes on for `abandonMs` after that is to be ended. */
export class SignalRelay {
  readonly #parts: SignalRelayParts
  readonly #end = new AbortController()
  #timer: Timer | null = null

  constructor(parts: SignalRelayParts) {
    this.#parts = parts
    const { signal } = parts
    if (signal.aborted) this.#abort()
    else signal.addEventListener('abort', this.#abort, { once: true })
  }

  /** Aborts when the handler is to be ended, with its thread. */
  get end(): AbortSignal {
    return this.#end.signal
  }

  /** The handler has settled. */
  close(): void {
    this.#timer?.cancel()
    this.#parts.signal.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => {
    const { line, number, signal, route, clock } = this.#parts
    line.abort({ number, reason: packReason(signal.reason, route.timeoutMs) })
    this.#timer = clock.after(route.abandonMs, () => this.#end.abort())
  }
}
