import type { Clock } from '../base/clock.ts'

/**
 * The promise's outcome, or `late()` when it has none after `ms`, or the signal's reason as soon as it aborts. The work behind the
 * promise goes on; what becomes of it then is nobody's concern.
 */
export function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      timer.cancel()
      signal?.removeEventListener('abort', aborted)
      settle()
    }
    const aborted = () => finish(() => reject(signal?.reason))
    const timer = clock.after(ms, () => finish(() => reject(late())))
    if (signal?.aborted) aborted()
    else signal?.addEventListener('abort', aborted, { once: true })
    promise.then(
      value => finish(() => resolve(value)),
      error => finish(() => reject(error)),
    )
  })
}
