/** Measured best with handlers that settle at once; 16 to 128 are within a tenth of it. */
const BURST = 64

/**
 * Gives handlers that were started a chance to settle before many more are: most settle within a few microtasks, and started in
 * their hundreds, their messages, contexts and promises leave the processor's cache and outlive the youngest generation of the
 * garbage collector. A handler that really waits only delays the next burst by a microtask.
 *
 * Those that settle in the same turn are followed together, once they all have: that is a tenth quicker than one after the other.
 */
export class Burst {
  readonly #resume: () => void
  #credit = BURST
  #queued = false
  /** How many settled since `#next` was queued. */
  #settled = 0

  /** `resume` is called in a microtask after `follow`, and when there is credit again after `spent` was true. */
  constructor(resume: () => void) {
    this.#resume = resume
  }

  /** Whether no more handlers should be started now. */
  get spent(): boolean {
    if (this.#credit > 0) return false
    this.follow()
    return true
  }

  /** Some settled, and more may be started. */
  follow(): void {
    if (this.#queued) return
    this.#queued = true
    queueMicrotask(this.#next)
  }

  started(): void {
    this.#credit--
  }

  settled(): void {
    this.#settled++
    if (this.#credit < BURST) this.#credit++
  }

  readonly #next = (): void => {
    this.#queued = false
    // While they settle, each makes room for the next; when none did, they wait for something else.
    if (this.#settled === 0) this.#credit = BURST
    this.#settled = 0
    this.#resume()
  }
}
