import { OptionError } from './errors.ts'

/** Reads one section of the options and names every wrong one with what was expected. */
export class SectionCheck {
  readonly #path: string
  readonly #values: Record<string, unknown>

  /** `elsewhere`: what to say of names that other clients have for the same. */
  constructor(
    path: string,
    values: unknown,
    known: readonly string[],
    elsewhere: Readonly<Record<string, string>> = {},
  ) {
    if (values !== undefined && (typeof values !== 'object' || values === null || Array.isArray(values))) {
      throw new OptionError(`${path || 'the options'} must be an object, not ${describe(values)}`)
    }
    this.#path = path
    this.#values = { ...values }
    for (const name of Object.keys(this.#values)) {
      if (known.includes(name)) continue
      const instead = Object.hasOwn(elsewhere, name) ? `: ${elsewhere[name]}` : `; known here: ${known.join(', ')}`
      throw new OptionError(`${this.#name(name)} is not an option${instead}`)
    }
  }

  get(name: string): unknown {
    return this.#values[name]
  }

  /** A number within bounds; `whole` unless told otherwise. */
  number(name: string, fallback: number, bounds: { min: number; max?: number; whole?: boolean }): number {
    const value = this.#values[name] ?? fallback
    const { min, max = Number.MAX_SAFE_INTEGER, whole = true } = bounds
    if (value === fallback) return fallback
    const sound = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))
    if (!sound) {
      const upTo = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
      throw this.wrong(name, `a ${whole ? 'whole ' : ''}number ${upTo}`)
    }
    return value
  }

  /** The same for a number that may be left out. */
  optional(name: string, bounds: { min: number; max?: number; whole?: boolean }): number | undefined {
    return this.#values[name] === undefined ? undefined : this.number(name, Number.NaN, bounds)
  }

  oneOf<const T>(name: string, fallback: T, values: readonly T[]): T {
    const value = this.#values[name] ?? fallback
    if (!values.includes(value as T) && value !== fallback) throw this.wrong(name, values.map(describe).join(' or '))
    return value as T
  }

  string(name: string): string | undefined {
    const value = this.#values[name]
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw this.wrong(name, 'a string')
    return value
  }

  wrong(name: string, expected: string): OptionError {
    return new OptionError(`${this.#name(name)} must be ${expected}, not ${describe(this.#values[name])}`)
  }

  #name(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return `[${value.map(describe).join(', ')}]`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
