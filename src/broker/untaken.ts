/** One who was answered and has not read it. */
export interface Debtor {
  /** Closes its connection, and lets go of the answer. */
  refuse(why: string): void
}

/**
 * Answers that clients have not taken yet, on all connections together. They may hold what the log has let go of, so when they are
 * too many, who has been waited for longest is closed.
 */
export class Untaken {
  readonly #most: number
  /** Bytes by who is to take them, the oldest first. */
  readonly #answers = new Map<Debtor, number>()
  #bytes = 0

  constructor(most: number) {
    this.#most = most
  }

  add(debtor: Debtor, bytes: number): void {
    this.#answers.set(debtor, bytes)
    this.#bytes += bytes
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#most) break
      oldest.refuse(`more than ${this.#most} bytes of answers are not taken, and this one is the oldest`)
    }
  }

  /** It was taken, or never will be. */
  delete(debtor: Debtor): void {
    this.#bytes -= this.#answers.get(debtor) ?? 0
    this.#answers.delete(debtor)
  }
}
