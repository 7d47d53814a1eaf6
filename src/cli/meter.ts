import { createHistogram, performance } from 'node:perf_hooks'

export interface Summary {
  readonly messages: number
  /** Of keys and values. */
  readonly bytes: number
  /** From the first message, or the start, to the last. */
  readonly seconds: number
  readonly messagesPerSecond: number
  /** Millions of bytes. */
  readonly megabytesPerSecond: number
  /** Of all threads of this process, between the first message and the last. */
  readonly cpuMicrosPerMessage: number
  /** In 99 of 100 cases a timer of 10 ms was not later than this: what the event loop costs everything else. */
  readonly timerLateP99Ms: number
}

const TIMER_MS = 10

interface Moment {
  readonly at: number
  readonly cpuMicros: number
}

function moment(): Moment {
  const { user, system } = process.cpuUsage()
  return { at: performance.now(), cpuMicros: user + system }
}

/** Counts messages, and what they cost this process. */
export class Meter {
  messages = 0
  bytes = 0
  readonly #lateness = createHistogram()
  #first: Moment | null = null
  /** As of the last tick that found new messages: a clock for each message would cost as much as the message. */
  #last: { readonly moment: Moment; readonly messages: number } | null = null
  #timer: NodeJS.Timeout | undefined
  #told: { at: number; messages: number; bytes: number } | null = null

  /** Counts from now on, instead of from the first message. */
  start(): void {
    this.#begin()
  }

  add(bytes: number): void {
    if (this.#first === null) this.#begin()
    this.messages++
    this.bytes += bytes
  }

  /** Ends its timer. What is added later counts no more. */
  stop(): void {
    this.#look()
    clearTimeout(this.#timer)
  }

  /** A line about what came since the last call. */
  progress(): string {
    const now = performance.now()
    const since = this.#told ?? { at: this.#first?.at ?? now, messages: 0, bytes: 0 }
    const seconds = Math.max((now - since.at) / 1000, 0.001)
    this.#told = { at: now, messages: this.messages, bytes: this.bytes }
    const rate = Math.round((this.messages - since.messages) / seconds)
    const megabytes = (this.bytes - since.bytes) / seconds / 1e6
    return `${this.messages} messages, ${rate}/s, ${megabytes.toFixed(1)} MB/s`
  }

  summary(): Summary {
    const last = this.#last?.moment ?? moment()
    const first = this.#first ?? last
    const seconds = (last.at - first.at) / 1000
    const perSecond = (amount: number) => (seconds > 0 ? amount / seconds : 0)
    return {
      messages: this.messages,
      bytes: this.bytes,
      seconds,
      messagesPerSecond: perSecond(this.messages),
      megabytesPerSecond: perSecond(this.bytes) / 1e6,
      cpuMicrosPerMessage: this.messages > 0 ? (last.cpuMicros - first.cpuMicros) / this.messages : 0,
      timerLateP99Ms: this.#lateness.count > 0 ? this.#lateness.percentile(99) / 1000 : 0,
    }
  }

  #look(): void {
    if (this.messages !== this.#last?.messages) this.#last = { moment: moment(), messages: this.messages }
  }

  #begin(): void {
    this.#first = moment()
    const tick = (due: number) => {
      this.#look()
      // A histogram begins at 1.
      this.#lateness.record(Math.max(1, Math.round((performance.now() - due) * 1000)))
      wait()
    }
    const wait = () => {
      const due = performance.now() + TIMER_MS
      this.#timer = setTimeout(tick, TIMER_MS, due)
    }
    wait()
  }
}
