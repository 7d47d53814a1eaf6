import { type Entry, isRunning, type Run } from './run.ts'

/** The messages of one claim by what they must not run together with, and in what order they may. */
export class LaneModels {
  readonly #lanes = new Map<string, Entry[]>()
  readonly #isExpired: (entry: Entry) => boolean
  readonly #violated: (what: string) => void

  constructor(isExpired: (entry: Entry) => boolean, violated: (what: string) => void) {
    this.#isExpired = isExpired
    this.#violated = violated
  }

  add(entry: Entry): void {
    if (entry.lane === null) return
    const others = this.#lanes.get(entry.lane)
    if (others === undefined) this.#lanes.set(entry.lane, [entry])
    else others.push(entry)
  }

  remove(entry: Entry): void {
    if (entry.lane === null) return
    const lane = this.#lanes.get(entry.lane) as Entry[]
    lane.splice(lane.indexOf(entry), 1)
    if (lane.length === 0) this.#lanes.delete(entry.lane)
  }

  /** Whether nothing is in the lane. */
  isFree(lane: string | null): boolean {
    return lane === null || !this.#lanes.has(lane)
  }

  /** Whether something in the lane waits for another process, and all others with it. */
  isHeld(lane: string | null, entry: Entry | undefined): boolean {
    if (lane === null) return false
    return this.#lanes.get(lane)?.some(other => other.shelved === 'hold' && other !== entry) ?? false
  }

  /** A handler of it is entered. */
  enter(entry: Entry, run: Run): void {
    const { message, lane } = entry
    if (lane === null) return
    for (const other of this.#lanes.get(lane) ?? []) {
      if (run.entries.includes(other)) continue
      const { offset } = other.message
      if (isRunning(other)) {
        this.#violated(`${message.offset} is handled together with ${offset}, which has the same key`)
      } else if (offset < message.offset && !other.passed && !this.#isExpired(other)) {
        this.#violated(`${message.offset} is handled before ${offset}, which has the same key`)
      }
    }
    const before = run.entries[run.entries.indexOf(entry) - 1]
    if (before !== undefined && before.lane === lane && before.message.offset > message.offset && !entry.passed) {
      this.#violated(`${message.offset} is behind ${before.message.offset} in its batch, and has the same key`)
    }
  }
}
