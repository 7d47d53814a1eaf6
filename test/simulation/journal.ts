import type { Clock } from '../../src/base/clock.ts'
import type { LogMessage, PartitionLog } from './partition-log.ts'

const KEPT = 4_096

/** A broken promise of Millrace: which, how, and what happened before. */
export class Violation extends Error {
  /** Its number; `'progress'`: something that should happen does not; `'exception'`: something was thrown that nobody expects. */
  readonly invariant: string

  constructor(invariant: string, what: string, history: string) {
    super(`invariant ${invariant}: ${what}\n${history}`)
    this.invariant = invariant
  }
}

/** What happened, what was handled by anyone ever, and the first promise that was broken. */
export class Journal {
  violation: Violation | null = null
  readonly #clock: Clock
  readonly #seed: number
  readonly #shown: number
  readonly #lines: (readonly (string | number)[])[] = []
  #count = 0
  readonly #handled = new Map<PartitionLog, Set<number>>()
  readonly #marks = new Map<PartitionLog, number>()

  /** `shown`: of how many last steps a violation tells. */
  constructor(clock: Clock, seed: number, shown = 80) {
    this.#clock = clock
    this.#seed = seed
    this.#shown = shown
  }

  get now(): number {
    return this.#clock.now()
  }

  get wallTime(): number {
    return this.#clock.wallTime()
  }

  say(...what: (string | number)[]): void {
    this.#lines[this.#count++ % KEPT] = [this.#clock.now(), ...what]
  }

  violated(invariant: string, what: string): void {
    if (this.violation !== null) return
    this.violation = new Violation(invariant, what, `seed ${this.#seed}, the last steps were\n${this.history}`)
  }

  get history(): string {
    const from = Math.max(0, this.#count - this.#shown)
    return Array.from({ length: this.#count - from }, (_, at) => this.#lines[(from + at) % KEPT]?.join(' ')).join('\n')
  }

  handled(log: PartitionLog, message: LogMessage): void {
    const handled = this.#handled.get(log) ?? new Set()
    this.#handled.set(log, handled)
    handled.add(message.index)
  }

  /** Whether it was handled, given up or waived before. */
  wasHandled(log: PartitionLog, message: LogMessage): boolean {
    return message.index < (this.#marks.get(log) ?? 0) || (this.#handled.get(log)?.has(message.index) ?? false)
  }

  /** The user seeks to this offset: what is before it need not be handled. */
  waive(log: PartitionLog, offset: number): void {
    for (const message of log.messages) {
      if (message.offset >= offset) return
      this.handled(log, message)
    }
  }

  /** The first message that was neither handled nor given up nor waived. */
  firstUnhandled(log: PartitionLog): LogMessage | undefined {
    const handled = this.#handled.get(log)
    let mark = this.#marks.get(log) ?? 0
    while (handled?.has(mark)) handled.delete(mark++)
    this.#marks.set(log, mark)
    return log.messages[mark]
  }
}
