import type { ReportValue } from '../base/metrics.ts'

interface Count<L extends string> {
  readonly labels: Readonly<Record<L, string>>
  count: number
}

/** Counts something by labels, whose order is always the same. */
export class Tally<L extends string> {
  total = 0
  readonly #counts = new Map<string, Count<L>>()
  /** The same labels mostly come many times in a row. */
  #last: Count<L> | null = null

  add(labels: Readonly<Record<L, string>>, by = 1): void {
    this.total += by
    if (this.#last === null || !isSame(this.#last.labels, labels)) this.#last = this.#of(labels)
    this.#last.count += by
  }

  #of(labels: Readonly<Record<L, string>>): Count<L> {
    let key = ''
    // No label holds a line break.
    for (const name in labels) key += `${labels[name]}\n`
    const known = this.#counts.get(key)
    if (known !== undefined) return known
    const made = { labels, count: 0 }
    this.#counts.set(key, made)
    return made
  }

  read(report: ReportValue): void {
    for (const { labels, count } of this.#counts.values()) report(labels, count)
  }
}

function isSame<L extends string>(some: Readonly<Record<L, string>>, others: Readonly<Record<L, string>>): boolean {
  for (const name in some) if (some[name] !== others[name]) return false
  return true
}
