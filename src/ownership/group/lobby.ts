import { type Clock, sleep } from '../../base/clock.ts'

export interface LobbyOptions {
  /** Members that the first assignment waits for; 1: it waits for nobody. */
  readonly minMembers: number
  /** For how long, ms. */
  readonly waitMs: number
}

/**
 * Where the leader of a new group waits for others, so that the first assignment need not be undone as each of them comes. Meanwhile the
 * members that are there wait for their assignment; one more makes a new round, and the leader waits on.
 */
export class Lobby {
  readonly #clock: Clock
  readonly #options: LobbyOptions
  #until: number | null = null
  #disturbed: AbortController | null = null

  constructor(clock: Clock, options: LobbyOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** Whether a group of so many members is to wait; the time begins with the first question. */
  isOpen(members: number): boolean {
    const { minMembers, waitMs } = this.#options
    if (members >= minMembers) return false
    const now = this.#clock.now()
    this.#until ??= now + waitMs
    return now < this.#until
  }

  /** Resolves when the time is over, or the group has changed. */
  async hold(signal: AbortSignal): Promise<void> {
    this.#disturbed = new AbortController()
    const either = AbortSignal.any([signal, this.#disturbed.signal])
    await sleep(this.#clock, (this.#until ?? 0) - this.#clock.now(), either).catch(() => {})
    this.#disturbed = null
  }

  disturb(): void {
    this.#disturbed?.abort()
  }
}
