import { sleep } from '../base/clock.ts'
import { ConnectionError, toError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { addressName } from './address.ts'
import type { Question } from './call.ts'
import { dial } from './dial.ts'
import { isFinal } from './dial-failure.ts'
import type { Settings } from './options.ts'

/**
 * The way into the cluster while no broker is known, or none of them can be reached: each address of the `brokers` option in turn,
 * over a connection that is closed behind the answer. Rounds that fail wait longer and longer for the next.
 */
export class Bootstrap {
  readonly #settings: Settings
  readonly #aborter = new AbortController()
  #attempt = 0
  #notBefore = 0

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** Rejects with one `ConnectionError` that names each address and its cause. */
  async ask<N extends ApiName, T>(question: Question<N, T>): Promise<T> {
    const { clock, brokers, random } = this.#settings
    const { signal } = this.#aborter
    signal.throwIfAborted()
    const waitMs = this.#notBefore - clock.now()
    if (waitMs > 0) await sleep(clock, waitMs, signal)
    const causes: Error[] = []
    const first = Math.floor(random() * brokers.length)
    for (const address of [...brokers.slice(first), ...brokers.slice(0, first)]) {
      try {
        const answer = await this.#askAt(address, question)
        this.#attempt = 0
        return answer
      } catch (thrown) {
        signal.throwIfAborted()
        causes.push(toError(thrown))
      }
    }
    throw this.#failed(causes)
  }

  close(reason: Error): void {
    this.#aborter.abort(reason)
  }

  async #askAt<N extends ApiName, T>(address: Settings['brokers'][number], question: Question<N, T>): Promise<T> {
    const target = { address, broker: addressName(address), large: false, ...unheard }
    const { signal } = this.#aborter
    const connection = await dial(this.#settings, target, signal)
    try {
      return await connection.ask({ ...question, signal })
    } finally {
      connection.end('it was needed for one question only')
      await connection.closed
    }
  }

  #failed(causes: readonly Error[]): Error {
    const { clock, backoff, random, logger, events, brokers } = this.#settings
    this.#attempt += 1
    const attempt = this.#attempt
    const inMs = Math.ceil(backoff(attempt, random))
    this.#notBefore = clock.now() + inMs
    const cause = noneReached(causes)
    logger.warn({ err: cause, attempt, inMs }, cause.message)
    events.reconnecting({ address: brokers.map(addressName).join(', '), cause, attempt, inMs })
    return cause
  }
}

const unheard = { onEnd: () => {}, onThrottle: () => {}, onRelease: () => {} }

/** One error for all; when all say that trying again is of no use, that of the first. */
function noneReached(causes: readonly Error[]): Error {
  const [first] = causes
  if (first !== undefined && (causes.length === 1 || causes.every(isFinal))) {
    return first
  }
  const why = causes.map(cause => cause.message).join('; ')
  return new ConnectionError(`None of the ${causes.length} brokers can be reached: ${why}`, { cause: first?.cause })
}
