import { OptionError } from '../base/errors.ts'

const msOf: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** Keys whose values no error shows. */
const secret = /password|passphrase|secret|jaas|ssl\.keystore\.key$/

/** A property that was given: it reads its own value, and says what is wrong with it and where it stands. */
export class Entry {
  readonly key: string
  /** Without white space around it, as Kafka takes it. */
  readonly value: string
  /** `consumer.properties, line 3`; empty where there is no file. */
  readonly place: string
  readonly line: number | null
  /** Nobody wrote it: it is a default of the dialect. */
  readonly isDefault: boolean

  constructor(key: string, value: string, from: { place?: string; line?: number | null; isDefault?: boolean } = {}) {
    this.key = key
    this.value = value.trim()
    this.place = from.place ?? ''
    this.line = from.line ?? null
    this.isDefault = from.isDefault ?? false
  }

  text(): string {
    if (this.value === '') throw this.wrong('must not be empty')
    return this.value
  }

  /** A whole number; bounds are those of the option that it sets. */
  whole(): number {
    const number = /^[-+]?\d+$/.test(this.value) ? Number(this.value) : Number.NaN
    if (!Number.isSafeInteger(number)) throw this.expected('a whole number')
    return number
  }

  decimal(): number {
    const number = this.value === '' ? Number.NaN : Number(this.value)
    if (!Number.isFinite(number)) throw this.expected('a number')
    return number
  }

  boolean(): boolean {
    const value = this.value.toLowerCase()
    if (value !== 'true' && value !== 'false') throw this.expected('true or false')
    return value === 'true'
  }

  /** A duration as Go writes it, such as `1m30s`; in whole milliseconds. */
  duration(): number {
    return this.#duration('a duration such as 500ms, 5s or 1m30s')
  }

  /** Milliseconds, or a duration. */
  ms(): number {
    if (/^[-+]?\d+$/.test(this.value)) return this.whole()
    return this.#duration('a number of milliseconds, or a duration such as 500ms, 5s or 1m30s')
  }

  list(): string[] {
    return this.value
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')
  }

  oneOf<T>(values: Readonly<Record<string, T>>): T {
    const found = Object.keys(values).find(name => name.toLowerCase() === this.value.toLowerCase())
    if (found === undefined)
      throw this.expected(
        Object.keys(values)
          .join(', ')
          .replace(/, ([^,]*)$/, ' or $1'),
      )
    return values[found] as T
  }

  expected(what: string): OptionError {
    const shown = secret.test(this.key) ? '' : `, not '${this.value}'`
    return this.wrong(`must be ${what}${shown}`)
  }

  wrong(what: string): OptionError {
    return new OptionError(`${this.prefix}${this.key} ${what}`)
  }

  /** The place, in front of what is said about it. */
  get prefix(): string {
    return this.place === '' ? '' : `${this.place}: `
  }

  #duration(expected: string): number {
    if (/^[-+]?0+$/.test(this.value)) return 0
    if (!/^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(this.value)) throw this.expected(expected)
    let sum = 0
    for (const [, amount, unit = ''] of this.value.matchAll(/([\d.]+)([a-zµμ]+)/g))
      sum += Number(amount) * (msOf[unit] ?? 0)
    const ms = Math.round(sum)
    if (ms === 0 && sum > 0) throw this.expected('at least half a millisecond')
    return ms
  }
}
