/** How far a follower is behind its leader. */
interface Lag {
  readonly messages: number
  readonly inSync: boolean
}

/**
 * How far the followers of a partition are behind. Nodes share the log, so a follower has everything at once, unless a test wants it
 * otherwise: then it serves less of the log than there is.
 */
export class Followers {
  readonly #lags = new Map<number, Lag>()

  /** In sync, it has the messages and does not serve them yet, as it has not heard that they are committed; else it has not got them. */
  lag(node: number, messages: number, inSync: boolean): void {
    if (messages === 0) this.#lags.delete(node)
    else this.#lags.set(node, { messages, inSync })
  }

  /** Whether it may lead, and be told to consumers. */
  isInSync(node: number): boolean {
    return this.#lags.get(node)?.inSync ?? true
  }

  /** Messages that it does not serve, though the leader does. */
  unserved(node: number): number {
    return this.#lags.get(node)?.messages ?? 0
  }

  /** Messages that it has not got. */
  missing(node: number): number {
    return this.isInSync(node) ? 0 : this.unserved(node)
  }
}
