import type { TimerLateness } from './timer-lateness.ts'

/** Once through the topic. Whatever comes beyond the asked number is not counted. */
export class Pass {
  readonly done: Promise<void>
  seconds = 0
  cpuUser = 0
  cpuSystem = 0
  /** So that no value can be left untouched. */
  bytes = 0
  readonly #messages: number
  readonly #lateness: TimerLateness
  readonly #resolve: () => void
  #seen = 0
  #startedAt = 0
  #cpuBefore: NodeJS.CpuUsage | undefined

  constructor(messages: number, lateness: TimerLateness) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#messages = messages
    this.#lateness = lateness
    this.done = promise
    this.#resolve = resolve
  }

  /** Counts messages that were handled, or written. */
  add(bytes: number, count = 1): void {
    this.begin()
    this.bytes += bytes
    this.#seen += count
    if (this.#seen === this.#messages) this.#end()
  }

  /** Time runs from now on; where nobody calls it, from the first message that is counted. */
  begin(): void {
    if (this.#startedAt > 0) return
    this.#lateness.start()
    this.#cpuBefore = process.cpuUsage()
    this.#startedAt = performance.now()
  }

  #end(): void {
    this.seconds = (performance.now() - this.#startedAt) / 1_000
    const { user, system } = process.cpuUsage(this.#cpuBefore)
    this.cpuUser = user / 1e6
    this.cpuSystem = system / 1e6
    this.#lateness.stop()
    this.#resolve()
  }
}
