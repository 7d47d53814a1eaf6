import type { Timer } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import type { Address } from './address.ts'
import { type Ask, Call, type Question } from './call.ts'
import type { Connection } from './connection.ts'
import { dial } from './dial.ts'
import type { Settings } from './options.ts'

/** What a connection is for: each has its own, so that a long poll or a parked join holds up nothing else. */
export type Role = 'general' | 'fetch' | 'coordinator'

/** How one connection of the client is, for people and health checks. */
export interface LinkState {
  readonly role: Role
  /** Which of the role's connections to this broker, from 0. */
  readonly connection: number
  /** `closed`: not connected, as nobody asked for it; `waiting`: it broke or could not be made, and the next attempt is not due. */
  readonly state: 'connecting' | 'ready' | 'waiting' | 'closed'
  /** When it came into this state, in ms since 1970. */
  readonly since: number
  /** Why it last ended or could not be made; null when it never did. */
  readonly cause: Error | null
  /** Requests sent and not answered. */
  readonly inFlight: number
  /** Requests that wait to be sent. */
  readonly queued: number
  /** Until when the broker wants no requests, in ms since 1970; null when it takes them. */
  readonly throttledUntil: number | null
}

/** More requests wait on one connection than are reasonable. Code `QUEUE_FULL`; retriable. */
export class QueueFullError extends MillraceError {
  constructor(broker: string) {
    super(
      'QUEUE_FULL',
      `${maxRequests} requests wait for ${broker} already: it answers slower than it is asked, ask for less at the same time`,
      { broker, retriable: true },
    )
  }
}

/** Requests of one connection that may be under way, sent or not. */
export const maxRequests = 10_000

/**
 * The way to one broker for one role: connects when there is something to send, and again after a failure, no sooner than the
 * backoff says.
 *
 *     closed ──send──▶ connecting ──▶ ready ──ends──▶ waiting ──due, and something to send──▶ connecting
 *                          └──fails──▶ waiting
 *
 * What was sent on a connection that ends is rejected, and so is what waits for a connection that cannot be made; what was
 * not sent yet for another reason waits for the next one. Only a connection that lasted makes the next wait short again, so a
 * broker that accepts and closes is not asked in a hot loop.
 */
export class Link {
  readonly role: Role
  readonly connection: number
  readonly #settings: Settings
  readonly #address: Address
  readonly #broker: string
  readonly #aborter = new AbortController()
  readonly #queue = new Set<Ask>()
  #state: LinkState['state'] = 'closed'
  #since: number
  #cause: Error | null = null
  #live: Connection | null = null
  #dialing: Promise<void> | null = null
  /** When the socket of the last connection is gone. */
  #gone: Promise<void> = Promise.resolve()
  #closed: Error | null = null
  #attempt = 0
  #readyAt = 0
  #notBefore = 0
  #throttledUntil = 0
  #timer: Timer | null = null

  constructor(settings: Settings, address: Address, broker: string, role: Role, connection: number) {
    this.role = role
    this.connection = connection
    this.#settings = settings
    this.#address = address
    this.#broker = broker
    this.#since = settings.clock.wallTime()
  }

  state(): LinkState {
    const { clock } = this.#settings
    const throttledMs = this.#throttledUntil - clock.now()
    const due = this.#state === 'waiting' && this.#notBefore <= clock.now()
    return {
      role: this.role,
      connection: this.connection,
      state: due ? 'closed' : this.#state,
      since: this.#since,
      cause: this.#cause,
      inFlight: this.#live?.inFlight ?? 0,
      queued: this.#queue.size,
      throttledUntil: throttledMs > 0 ? clock.wallTime() + throttledMs : null,
    }
  }

  send<N extends ApiName, T>(question: Question<N, T>): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    if (this.#queue.size + (this.#live?.inFlight ?? 0) >= maxRequests) {
      return Promise.reject(new QueueFullError(this.#broker))
    }
    const late = (call: Ask) =>
      this.#queue.has(call) ? this.#whyQueued() : 'the connection stands, the answer did not come'
    const call = new Call(question, this.#settings.clock, this.#broker, late, settled => this.#queue.delete(settled))
    if (call.settled) return call.promise
    this.#queue.add(call)
    this.#go()
    return call.promise
  }

  /** Rejects what is under way with `reason` and takes nothing more; resolves when no socket is left. */
  async close(reason: Error): Promise<void> {
    if (this.#closed === null) {
      this.#closed = reason
      this.#timer?.cancel()
      this.#aborter.abort(reason)
      this.#live?.close(reason)
      for (const call of [...this.#queue]) call.fail(reason)
      this.#become('closed')
    }
    await this.#dialing
    await this.#gone
  }

  /** Does the next thing for those who wait: send, connect, or set the timer for when that may be done. */
  #go(): void {
    if (this.#closed !== null || this.#queue.size === 0) return
    if (this.#live !== null) {
      this.#flush(this.#live)
    } else if (this.#dialing === null) {
      const waitMs = this.#notBefore - this.#settings.clock.now()
      if (waitMs > 0) this.#wakeIn(waitMs)
      else this.#dialing = this.#connect()
    }
  }

  #flush(live: Connection): void {
    if (live.stuck) {
      live.end('it is silent, though an answer is due')
      return
    }
    if (live.held) return
    const throttledMs = this.#throttledUntil - this.#settings.clock.now()
    if (throttledMs > 0) {
      this.#wakeIn(throttledMs)
      return
    }
    for (const call of this.#queue) {
      if (this.#live !== live) return
      this.#queue.delete(call)
      live.send(call)
    }
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#settings.clock.after(ms, () => this.#go())
  }

  async #connect(): Promise<void> {
    this.#become('connecting')
    const target = {
      address: this.#address,
      broker: this.#broker,
      large: this.role === 'fetch',
      onEnd: (cause: Error, unanswered: number) => this.#lost(cause, unanswered),
      onThrottle: (ms: number) => {
        this.#throttledUntil = this.#settings.clock.now() + ms
      },
      onRelease: () => this.#go(),
    }
    try {
      const connection = await dial(this.#settings, target, this.#aborter.signal)
      this.#gone = connection.closed
      if (this.#closed !== null) connection.close(this.#closed)
      if (connection.ended !== null) throw connection.ended
      this.#dialing = null
      this.#ready(connection)
    } catch (thrown) {
      this.#dialing = null
      this.#failed(toError(thrown))
    }
  }

  #ready(connection: Connection): void {
    const { clock, logger, events } = this.#settings
    this.#live = connection
    this.#readyAt = clock.now()
    this.#become('ready')
    logger.debug({ broker: this.#broker, role: this.role }, 'connected to a broker')
    events.connected({ address: this.#broker })
    this.#go()
  }

  #failed(cause: Error): void {
    if (this.#closed !== null) return
    this.#backOff(cause)
    for (const call of [...this.#queue]) call.fail(cause)
  }

  #lost(cause: Error, unanswered: number): void {
    if (this.#live === null) return
    const { held } = this.#live
    this.#live = null
    if (this.#closed !== null) return
    const { clock, backoff, logger } = this.#settings
    const lasted = clock.now() - this.#readyAt >= backoff.maxMs
    if (lasted) this.#attempt = 0
    if (lasted && unanswered === 0 && !held) {
      // Brokers close what is idle for long.
      this.#cause = cause
      this.#become('closed')
      logger.debug({ broker: this.#broker, role: this.role, err: cause }, 'an idle connection to a broker was closed')
    } else {
      this.#backOff(cause)
    }
    this.#go()
  }

  #backOff(cause: Error): void {
    const { clock, backoff, random, logger, events } = this.#settings
    this.#attempt += 1
    const attempt = this.#attempt
    const inMs = Math.ceil(backoff(attempt, random))
    this.#notBefore = clock.now() + inMs
    this.#cause = cause
    this.#become('waiting')
    logger.warn({ broker: this.#broker, role: this.role, err: cause, attempt, inMs }, cause.message)
    events.reconnecting({ address: this.#broker, cause, attempt, inMs })
  }

  #become(state: LinkState['state']): void {
    this.#state = state
    this.#since = this.#settings.clock.wallTime()
  }

  #whyQueued(): string {
    const { clock } = this.#settings
    const throttledMs = this.#throttledUntil - clock.now()
    if (this.#live !== null && throttledMs > 0) {
      return `the broker throttles this client for another ${Math.ceil(throttledMs)} ms (a quota is used up)`
    }
    if (this.#live?.held) return 'the connection is being authenticated again, as its session ends soon'
    const last = this.#cause === null ? '' : `; the last attempt: ${this.#cause.message}`
    return `there is no connection yet${last}`
  }
}
