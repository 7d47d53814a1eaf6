import type { Random } from './random.ts'

/** How long to wait before the next attempt: `attempt` 1 is the wait after the first failure. Milliseconds. */
export type Backoff = ((attempt: number, random: Random) => number) & {
  /** The longest wait this backoff ever answers. */
  readonly maxMs: number
}

/**
 * Waits that double from `minMs` up to `maxMs`, each shortened by a random part of up to a fifth, so that many clients that
 * failed together do not come back together.
 */
export function exponential(minMs: number, maxMs: number): Backoff {
  const wait = (attempt: number, random: Random) =>
    Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 52)) * (1 - random() / 5)
  return Object.assign(wait, { maxMs })
}

/** The same wait each time. */
export function constant(ms: number): Backoff {
  return Object.assign(() => ms, { maxMs: ms })
}
