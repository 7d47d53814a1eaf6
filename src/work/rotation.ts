import type { WorkMessage } from './claim.ts'
import type { Intake } from './intake.ts'

/** How many messages of one partition are started before it is the next one's turn. */
const TURN = 16
/** So many messages of one priority are started before those below it have a turn, so that what comes last is slow and never stands still. */
const STREAK = 16

/** The intakes that may have something to start, each in its turn, those with a higher priority first. */
export class Rotation<M extends WorkMessage> {
  /** By priority, the highest first. */
  readonly #levels: Level<M>[] = [new Level(0)]
  /** That of `current`. */
  #level = this.#levels[0] as Level<M>

  add(intake: Intake<M>): void {
    if (intake.active) return
    intake.active = true
    const { priority } = intake.route
    const level = this.#level.priority === priority ? this.#level : this.#levelOf(priority)
    level.active.push(intake)
  }

  /** Whose turn it is; undefined when there is none. Asked for each message, and most consumers have one priority. */
  get current(): Intake<M> | undefined {
    return this.#levels.length === 1 ? this.#level.current : this.#currentOfMany()
  }

  #currentOfMany(): Intake<M> | undefined {
    let current: Intake<M> | undefined
    for (const level of this.#levels) {
      const intake = level.current
      if (intake === undefined) continue
      this.#level = level
      current = intake
      if (level.streak < STREAK) break
    }
    return current
  }

  /** The current one started a message. */
  started(): void {
    this.#level.started()
    if (this.#levels.length > 1) this.#countStreak()
  }

  #countStreak(): void {
    for (const level of this.#levels) {
      if (level === this.#level) break
      level.streak = 0
    }
    this.#level.streak++
  }

  /** It is the next one's turn. */
  pass(): void {
    this.#level.pass()
  }

  /** The current one has nothing to start, until it is added again. */
  retire(): void {
    this.#level.retire()
  }

  #levelOf(priority: number): Level<M> {
    const at = this.#levels.findIndex(level => level.priority <= priority)
    const known = this.#levels[at]
    if (known?.priority === priority) return known
    const made = new Level<M>(priority)
    this.#levels.splice(at === -1 ? this.#levels.length : at, 0, made)
    return made
  }
}

/** Those of one priority. */
class Level<M extends WorkMessage> {
  readonly priority: number
  readonly active: Intake<M>[] = []
  /** Messages that were started since those below it had a turn. */
  streak = 0
  #cursor = 0
  #turn = 0

  constructor(priority: number) {
    this.priority = priority
  }

  get current(): Intake<M> | undefined {
    if (this.#cursor >= this.active.length) this.#cursor = 0
    return this.active[this.#cursor]
  }

  started(): void {
    if (++this.#turn >= TURN) this.pass()
  }

  pass(): void {
    this.#turn = 0
    this.#cursor++
  }

  retire(): void {
    this.#turn = 0
    const last = this.active.pop()
    const retired = this.active[this.#cursor]
    if (last !== undefined && retired !== undefined) this.active[this.#cursor] = last
    const gone = retired ?? last
    if (gone !== undefined) gone.active = false
  }
}
