import { longestTimerMs, type Timer } from '../../base/clock.ts'
import { toError } from '../../base/errors.ts'
import type { Connection } from '../connection.ts'
import type { Settings } from '../options.ts'
import { authenticate } from './authenticate.ts'

/** Which part of a session's lifetime goes by before the next one is begun: at random, so that not all clients come at once. */
const earliest = 0.85
const spread = 0.1

/**
 * Authenticates again before the broker's patience with one connection ends (KIP-368), over that connection, in a quiet window: no new
 * request is sent, those under way are answered first. A failure ends the connection; the next one authenticates from the beginning.
 */
export class Session {
  readonly #settings: Settings
  readonly #broker: string
  readonly #ended = new AbortController()
  #dueAt = 0
  #timer: Timer | null = null

  constructor(settings: Settings, broker: string) {
    this.#settings = settings
    this.#broker = broker
  }

  /** The connection was authenticated for so many ms; 0: for as long as it stands. */
  begin(connection: Connection, lifetimeMs: number): void {
    if (lifetimeMs <= 0 || this.#ended.signal.aborted) return
    const { clock, random } = this.#settings
    this.#dueAt = clock.now() + lifetimeMs * (earliest + spread * random())
    this.#wait(connection)
  }

  /** The connection ended. */
  end(): void {
    this.#timer?.cancel()
    this.#ended.abort()
  }

  /** A lifetime may be longer than any timer. */
  #wait(connection: Connection): void {
    const { clock } = this.#settings
    const leftMs = Math.max(0, this.#dueAt - clock.now())
    const then = leftMs > longestTimerMs ? () => this.#wait(connection) : () => void this.#renew(connection)
    this.#timer = clock.after(Math.min(leftMs, longestTimerMs), then)
  }

  async #renew(connection: Connection): Promise<void> {
    const { credentials, clock, connectTimeoutMs, logger } = this.#settings
    const broker = this.#broker
    const { signal } = this.#ended
    await connection.hold()
    if (signal.aborted || credentials === null) return
    const fails = (why: string, cause?: Error) =>
      connection.end(`its session was about to end, and it did not authenticate this client again: ${why}`, cause)
    let missing = ''
    const late = clock.after(connectTimeoutMs, () => fails(`${missing} within ${connectTimeoutMs} ms`))
    const waitsFor = (what: string) => {
      missing = what
    }
    try {
      const deadline = clock.now() + connectTimeoutMs
      const lifetimeMs = await authenticate(connection, { credentials, broker, clock, deadline, signal, waitsFor })
      logger.debug({ broker, lifetimeMs }, 'authenticated with a broker again')
      this.begin(connection, lifetimeMs)
      connection.release()
    } catch (thrown) {
      const error = toError(thrown)
      fails(error.message, error)
    } finally {
      late.cancel()
    }
  }
}
