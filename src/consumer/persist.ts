import { exponential } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'

export interface PersistParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Ends it, between attempts. */
  readonly signal: AbortSignal
}

/** Looks something up until it works; only an error that says that no waiting heals it is thrown. */
export async function persist(what: string, action: () => Promise<void>, parts: PersistParts): Promise<void> {
  const { clock, random, logger, signal } = parts
  const backoff = exponential(250, 5_000)
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await action()
    } catch (thrown) {
      const error = toError(thrown)
      const final = error instanceof MillraceError && !error.retriable
      if (final || signal.aborted) throw error
      logger.warn({ err: error, attempt }, `${what} could not be looked up: ${error.message}`)
      await sleep(clock, backoff(attempt, random), signal)
    }
  }
}
