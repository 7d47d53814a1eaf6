/** A timer that was set; `cancel` may be called any number of times. */
export interface Timer {
  cancel(): void
}

/** The longest that a timer can wait: the system takes what is longer for nothing. */
export const longestTimerMs = 2 ** 31 - 1

/**
 * Time, passed in so that a test can hold it. All durations are milliseconds. `now` never jumps with the wall clock and is
 * what every timeout is measured with; `wallTime` is for timestamps that leave the process.
 */
export interface Clock {
  now(): number
  wallTime(): number
  /** Calls `fn` once after `ms`. */
  after(ms: number, fn: () => void): Timer
  /** Calls `fn` every `ms`. */
  every(ms: number, fn: () => void): Timer
  /** Calls `fn` once the sockets and timers that are due had their turn. */
  soon(fn: () => void): void
}

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout
  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle
  }
  cancel(): void {
    clearTimeout(this.#handle)
  }
}

/** The real time. Its timers keep the process alive, so whoever sets one cancels it. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, fn) => new SystemTimer(setTimeout(fn, ms)),
  every: (ms, fn) => new SystemTimer(setInterval(fn, ms)),
  soon: fn => void setImmediate(fn),
}

/** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const aborted = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    })
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
