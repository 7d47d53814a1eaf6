import type { Outgoing } from './outgoing.ts'

/** Messages of one topic that wait, first come first out. */
export class Line {
  #messages: Outgoing[] = []
  #first = 0

  get length(): number {
    return this.#messages.length - this.#first
  }

  get head(): Outgoing | undefined {
    return this.#messages[this.#first]
  }

  [Symbol.iterator](): Iterator<Outgoing> {
    return this.#messages.slice(this.#first).values()
  }

  push(message: Outgoing): void {
    this.#messages.push(message)
  }

  /** Takes the head away. */
  shift(): void {
    this.#first++
    if (2 * this.#first <= this.#messages.length) return
    this.#messages = this.#messages.slice(this.#first)
    this.#first = 0
  }
}
