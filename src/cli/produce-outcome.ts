import { DeliveryError } from '../producer/delivery.ts'
import { inputName } from './input.ts'
import type { Group, Place } from './message-reader.ts'
import type { Results } from './outbox.ts'

/** Stretches of lines that are told; `--json` tells all. */
const MOST_TOLD = 10

interface Stretch {
  readonly input: string
  readonly first: number
  last: number
}

/** What became of the messages, and where those were that are not written. */
export class ProduceOutcome {
  written = 0
  /** Of the input, of what was settled. */
  bytes = 0
  /** Lines that were no message, or whose message was not written. */
  failed = 0
  /** Of these, those that may be written all the same. */
  unknown = 0
  /** Of the first that failed. */
  error: Error | null = null
  /** What places are numbers of. */
  readonly unit: 'line' | 'byte'
  readonly #stretches: Stretch[] = []
  #more = false

  constructor(unit: 'line' | 'byte') {
    this.unit = unit
  }

  add({ places, wrong, bytes }: Group, results: Results): void {
    this.bytes += bytes
    for (const [at, result] of results.entries()) {
      if (result instanceof DeliveryError) this.#fail(places[at] as Place, result)
      else this.written++
    }
    for (const { error, ...place } of wrong) this.#fail(place, error)
  }

  /** `orders.txt, lines 7, 9-12`. */
  get where(): string {
    const inputs = [...Map.groupBy(this.#stretches, ({ input }) => input)]
    const told = inputs.map(([input, stretches]) => {
      const lines = stretches
        .toSorted((a, b) => a.first - b.first)
        .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
      return `${inputName(input)}, ${this.unit}${/[,-]/.test(lines.join()) ? 's' : ''} ${lines.join(', ')}`
    })
    return `${told.join('; ')}${this.#more ? ', …' : ''}`
  }

  #fail({ input, at }: Place, error: Error): void {
    this.failed++
    if (error instanceof DeliveryError && error.written === 'unknown') this.unknown++
    this.error ??= error
    const last = this.#stretches.at(-1)
    if (last?.input === input && last.last === at - 1) last.last = at
    else if (this.#stretches.length < MOST_TOLD) this.#stretches.push({ input, first: at, last: at })
    else this.#more = true
  }
}

/** An object and a line for each, in the order of the input. */
export function reportOf({ places, wrong }: Group, results: Results, unit: 'line' | 'byte'): string {
  const told = places.map(({ input, at }, index) => {
    const result = results[index]
    if (!(result instanceof DeliveryError)) return { input, [unit]: at, ...result }
    const { code, message, written } = result
    return { input, [unit]: at, error: { code, message, written } }
  })
  const refused = wrong.map(({ input, at, error }) => {
    return { input, [unit]: at, error: { code: 'INPUT', message: error.message, written: 'no' } }
  })
  const all: { readonly [name: string]: unknown }[] = [...told, ...refused]
  if (refused.length > 0) all.sort((a, b) => Number(a[unit]) - Number(b[unit]))
  return all.map(each => `${JSON.stringify(each)}\n`).join('')
}
