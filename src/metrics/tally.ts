import type { ReportValue } from '../base/metrics.ts'

/** Counts something by labels, whose order is always the same. */
export class Tally<L extends string> {
  total = 0
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<L, string>>; count: number }>()

  add(labels: Readonly<Record<L, string>>, by = 1): void {
    this.total += by
    let key = ''
    // No label holds a line break.
    for (const name in labels) key += `${labels[name]}\n`
    const known = this.#counts.get(key)
    if (known === undefined) this.#counts.set(key, { labels, count: by })
    else known.count += by
  }

  read(report: ReportValue): void {
    for (const { labels, count } of this.#counts.values()) report(labels, count)
  }
}
