import type { Backoff } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'

/** As whom an idempotent producer writes (KIP-98): brokers take each sequence number of it once, and in order. */
export interface Identity {
  readonly producerId: number | bigint
  readonly epoch: number
}

/** Where a producer's identity comes from. */
export interface IdentitySource {
  /** Null while there is none. */
  readonly current: Identity | null
  /** Numbers are missing under this one, where it is known because of this: another is needed. */
  renew(from: Identity, cause: Error | null): void
}

export interface IdentityParts {
  /** InitProducerId. */
  readonly ask: (signal: AbortSignal) => Promise<Identity>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly backoff: Backoff
  /** There is one, or another one. */
  readonly changed: () => void
  /** There will be none: nothing can be sent. */
  readonly failed: (error: Error) => void
}

const LAST_EPOCH = 32_767

/** The producer's identity: asked for when it is first needed, then renewed by the producer itself (KIP-360). */
export class IdentityKeeper implements IdentitySource {
  readonly #parts: IdentityParts
  readonly #ended = new AbortController()
  #current: Identity | null = null
  #asking: Promise<void> | null = null

  constructor(parts: IdentityParts) {
    this.#parts = parts
  }

  /** Null while it is being asked for; that begins with the first look. */
  get current(): Identity | null {
    if (this.#current === null) this.#asking ??= this.#ask()
    return this.#current
  }

  /** The same, without asking. */
  get known(): Identity | null {
    return this.#current
  }

  /** A new epoch, unless there is one already; without epochs left, a new id. */
  renew(from: Identity): void {
    if (this.#current !== from) return
    const { producerId, epoch } = from
    this.#current = epoch < LAST_EPOCH ? { producerId, epoch: epoch + 1 } : null
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#asking
  }

  async #ask(): Promise<void> {
    const { ask, clock, random, logger, backoff, changed, failed } = this.#parts
    const { signal } = this.#ended
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        this.#current = await ask(signal)
        this.#asking = null
        changed()
        return
      } catch (thrown) {
        if (signal.aborted) return
        const error = toError(thrown)
        if (!(error instanceof MillraceError && error.retriable)) {
          this.#asking = null
          failed(error)
          return
        }
        logger.warn({ err: error, attempt }, `no producer id was given: ${error.message}`)
        await sleep(clock, backoff(attempt, random), signal).catch(() => {})
      }
    }
  }
}
