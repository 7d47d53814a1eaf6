import { type Backoff, exponential } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { CommittedOffset, OffsetStorage } from '../offsets/storage.ts'
import type { Claim } from './claim.ts'

export interface StartOffsetsParts {
  /** Null: nothing is kept anywhere. */
  readonly storage: OffsetStorage | null
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The claim is live and can begin; null: nothing was committed for it. */
  readonly found: (claim: Claim, committed: CommittedOffset | null) => void
  readonly failed: (error: Error) => void
}

/**
 * Looks up where claims begin. It asks as long as a claim lives: an error never means that nothing was committed, and what is wrong with
 * one partition holds up no other.
 */
export class StartOffsets {
  readonly #parts: StartOffsetsParts
  readonly #ended = new AbortController()
  readonly #backoff: Backoff = exponential(250, 5_000)
  readonly #loads = new Set<Promise<void>>()

  constructor(parts: StartOffsetsParts) {
    this.#parts = parts
  }

  /** Begins to look up; `found` tells of each claim by itself. */
  load(claims: readonly Claim[]): void {
    const { storage, found, failed } = this.#parts
    if (storage === null) {
      for (const claim of claims) found(claim, null)
      return
    }
    const load = this.#load(storage, claims)
      .catch(error => {
        if (!this.#ended.signal.aborted) failed(toError(error))
      })
      .finally(() => this.#loads.delete(load))
    this.#loads.add(load)
  }

  /** Ends the waits; an answer that is under way is dropped. */
  close(): void {
    this.#ended.abort(new MillraceError('CLOSED', 'the consumer was closed'))
  }

  async #load(storage: OffsetStorage, claims: readonly Claim[]): Promise<void> {
    const { clock, random, logger } = this.#parts
    const { signal } = this.#ended
    let missing = claims
    for (let attempt = 1; ; attempt++) {
      missing = missing.filter(claim => claim.live)
      if (missing.length === 0) return
      const error = await this.#ask(storage, missing).then(
        answer => {
          missing = answer.missing
          return answer.error
        },
        thrown => toError(thrown),
      )
      if (signal.aborted || error === null) return
      if (error instanceof MillraceError && !error.retriable) throw error
      logger.warn({ err: error, attempt }, `offsets could not be looked up: ${error.message}`)
      await sleep(clock, this.#backoff(attempt, random), signal)
    }
  }

  /** Asks once; answers which are to be asked for again, and the worst that was told of those. */
  async #ask(storage: OffsetStorage, claims: readonly Claim[]) {
    const answers = await storage.load(claims.map(({ topic, partition }) => ({ topic, partition })))
    const byName = new Map(answers.map(answer => [partitionName(answer.topic, answer.partition), answer]))
    const missing: Claim[] = []
    let worst: MillraceError | null = null
    for (const claim of claims) {
      const { topic, partition } = claim
      const answer = byName.get(partitionName(topic, partition))
      const error = answer === undefined ? unanswered(topic, partition) : answer.error
      if (error === null) {
        if (claim.live && !this.#ended.signal.aborted) this.#parts.found(claim, answer?.committed ?? null)
      } else {
        missing.push(claim)
        if (worst === null || !error.retriable) worst = error
      }
    }
    return { missing, error: worst }
  }
}

function unanswered(topic: string, partition: number): MillraceError {
  const message = `The offset storage did not answer for ${partitionName(topic, partition)}; see its \`load\``
  return new MillraceError('BAD_ANSWER', message, { topic, partition, retriable: true })
}
