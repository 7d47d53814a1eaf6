/** How often rates are brought up to date, ms. */
export const RATE_INTERVAL_MS = 5_000

const MINUTES = [1, 5, 15] as const

/** How much of something there is in a second. */
export interface Rates {
  /** Weighted: what was a minute ago counts e times less than what is now. */
  readonly oneMinute: number
  readonly fiveMinutes: number
  readonly fifteenMinutes: number
}

/** Moving averages of a count that only rises, as a system's load has them. */
export class MovingRates {
  #last: number
  #rates: number[] | null = null

  constructor(count: number) {
    this.#last = count
  }

  /** Called every `RATE_INTERVAL_MS`, more or less: `seconds` is how long it really was. */
  tick(count: number, seconds: number): void {
    const now = Math.max(0, count - this.#last) / seconds
    this.#last = count
    const rates = this.#rates ?? MINUTES.map(() => now)
    this.#rates = rates.map((rate, at) => rate + (now - rate) * (1 - Math.exp(-seconds / (60 * (MINUTES[at] ?? 1)))))
  }

  /** 0 before the first tick. */
  get rates(): Rates {
    const [oneMinute = 0, fiveMinutes = 0, fifteenMinutes = 0] = this.#rates ?? []
    return { oneMinute, fiveMinutes, fifteenMinutes }
  }
}
