import { type Delivery, DeliveryError } from '../producer/delivery.ts'
import { inputName } from './input.ts'
import type { Group, Place } from './message-reader.ts'

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
  readonly #stretches: Stretch[] = []
  #more = false

  add({ places, wrong, bytes }: Group, results: readonly (Delivery | DeliveryError)[]): void {
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
      return `${inputName(input)}, ${/[,-]/.test(lines.join()) ? 'lines' : 'line'} ${lines.join(', ')}`
    })
    return `${told.join('; ')}${this.#more ? ', …' : ''}`
  }

  #fail({ input, line }: Place, error: Error): void {
    this.failed++
    if (error instanceof DeliveryError && error.written === 'unknown') this.unknown++
    this.error ??= error
    const last = this.#stretches.at(-1)
    if (last?.input === input && last.last === line - 1) last.last = line
    else if (this.#stretches.length < MOST_TOLD) this.#stretches.push({ input, first: line, last: line })
    else this.#more = true
  }
}
