import { exponential } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Random } from '../base/random.ts'

/** As long as metadata may be old: then the leader is asked again. */
export const LEASE_MS = 300_000
/** For so long the leader itself is read from after a replica failed, before it is asked for one again. */
const avoided = exponential(2_000, LEASE_MS)

/**
 * The follower from which a partition is read instead of its leader, because it is nearer (KIP-392). The leader names it, for five
 * minutes; it is left before that when it fails.
 */
export class PreferredReplica {
  readonly #clock: Clock
  readonly #random: Random
  #node = -1
  #lease: Timer | null = null
  #failures = 0
  #avoidedUntil = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Node id; -1: the leader is read from. */
  get node(): number {
    return this.#node
  }

  /** Whether the leader is to be read from even if there is a nearer replica: the last one has just failed. */
  get avoided(): boolean {
    return this.#clock.now() < this.#avoidedUntil
  }

  /** The leader named this node; `expired` is called when it is to be asked again. */
  prefer(node: number, expired: () => void): void {
    this.leave()
    this.#node = node
    this.#lease = this.#clock.after(LEASE_MS, () => {
      this.leave()
      expired()
    })
  }

  /** It was read from. */
  worked(): void {
    this.#failures = 0
  }

  failed(): void {
    this.leave()
    this.#avoidedUntil = this.#clock.now() + avoided(++this.#failures, this.#random)
  }

  leave(): void {
    this.#node = -1
    this.#lease?.cancel()
    this.#lease = null
  }
}
