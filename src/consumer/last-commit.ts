import { type Clock, sleep } from '../base/clock.ts'
import { ClosedError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { CommitLoop } from '../offsets/commit-loop.ts'

/** How long the last commit may take, its repetitions included. */
const LAST_COMMIT_MS = 5_000
const PAUSE_MS = 100

/** Commits what is done before the consumer ends. Gives up in time: what could not be committed comes again. */
export async function commitLast(
  commits: CommitLoop,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<void> {
  const over = new AbortController()
  const timer = clock.after(LAST_COMMIT_MS, () => over.abort())
  const late = new Promise<null>(resolve => over.signal.addEventListener('abort', () => resolve(null)))
  try {
    while (commits.state().pending > 0 && !over.signal.aborted) {
      const results = await Promise.race([commits.commit(), late])
      if (results?.some(result => result.error !== null)) await sleep(clock, PAUSE_MS, over.signal).catch(() => {})
    }
    const { pending, error } = commits.state()
    if (pending > 0) logger.error({ err: error, pending }, `the last commit failed: ${pending} partitions come again`)
  } catch (error) {
    // The loop stopped for good before: whoever stopped it has told why.
    if (!(error instanceof ClosedError)) throw error
  } finally {
    timer.cancel()
  }
}
