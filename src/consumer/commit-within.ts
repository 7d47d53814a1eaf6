import { type Clock, sleep } from '../base/clock.ts'
import { ClosedError, MillraceError } from '../base/errors.ts'
import type { CommitLoop } from '../offsets/commit-loop.ts'
import { OffsetError } from '../offsets/error.ts'
import type { Claim } from './claim.ts'

const PAUSE_MS = 100

/**
 * Commits what is done of these claims before they end, repetitions included. Answers what kept it from being committed when the time is
 * over, and comes again; null: all is committed, or lost. A first position that is being looked up is waited for: the next owner would
 * find another one at the end of a partition, and miss what is between.
 */
export async function commitWithin(
  commits: CommitLoop,
  claims: readonly Claim[],
  ms: number,
  clock: Clock,
): Promise<MillraceError | null> {
  const over = new AbortController()
  const timer = clock.after(ms, () => over.abort())
  const late = new Promise<null>(resolve => over.signal.addEventListener('abort', () => resolve(null)))
  let error: MillraceError | null = new MillraceError('OFFSET_COMMIT', `no commit was acknowledged within ${ms} ms`)
  try {
    while (!over.signal.aborted) {
      const results = await Promise.race([commits.commit(claims), late])
      if (results === null) break
      error = results.find(result => result.error !== null)?.error ?? null
      if (error instanceof OffsetError && error.fatal) break
      if (error === null && !claims.some(claim => claim.live && claim.positioning)) break
      await sleep(clock, PAUSE_MS, over.signal).catch(() => {})
    }
  } catch (thrown) {
    // The loop stopped for good before: whoever stopped it has told why.
    if (!(thrown instanceof ClosedError)) throw thrown
    error = null
  } finally {
    timer.cancel()
  }
  return error
}
