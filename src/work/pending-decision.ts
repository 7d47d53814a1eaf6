import type { Decision } from './failure.ts'

/** A decision that somebody makes later. Thousands are awaited at a time, so who follows one needs no promise for it; others may await it. */
export class PendingDecision implements PromiseLike<Decision> {
  /** Null: nobody made it yet. */
  decision: Decision | null = null
  #follower: ((decision: Decision) => void) | null = null

  /** Once; who follows is called before it returns. */
  decide(decision: Decision): void {
    this.decision = decision
    this.#follower?.(decision)
  }

  /** One may, and must not throw; called at once if it is decided already. */
  follow(follower: (decision: Decision) => void): void {
    if (this.decision === null) this.#follower = follower
    else follower(this.decision)
  }

  // biome-ignore lint/suspicious/noThenProperty: async functions answer it as they do a promise
  then<T = Decision, E = never>(
    decided?: ((decision: Decision) => T | PromiseLike<T>) | null,
    failed?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    return new Promise<Decision>(resolve => this.follow(resolve)).then(decided, failed)
  }
}
