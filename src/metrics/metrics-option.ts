import { OptionError } from '../base/errors.ts'
import type { MetricLabels, Metrics } from '../base/metrics.ts'
import { describe, SectionCheck } from '../base/option-check.ts'

/** Option `metrics`, when it is more than on or off. */
export interface MetricsOptions {
  /** Where they go beside `metrics()`: one adapter, or several. */
  to?: Metrics | readonly Metrics[]
  /** What every name begins with. Default `'millrace_'`. */
  prefix?: string
  /** Labels for every metric, beside `client` and, of a consumer, `group`. */
  labels?: Readonly<Record<string, string>>
}

export interface ResolvedMetrics {
  readonly to: readonly Metrics[]
  readonly prefix: string
  readonly labels: MetricLabels
}

/** Labels that metrics have by themselves. */
const OWN_LABELS = ['client', 'group', 'topic', 'reason', 'decision', 'event', 'code', 'quantile', 'le']

/** Null: there are none. @throws {OptionError} */
export function resolveMetrics(option: boolean | Metrics | MetricsOptions | undefined): ResolvedMetrics | null {
  if (option === undefined || option === false) return null
  if (option === true) return resolve({})
  if (typeof option !== 'object' || option === null) {
    throw new OptionError(`metrics must be true, an adapter or { to, prefix, labels }, not ${describe(option)}`)
  }
  return resolve(isMetrics(option) ? { to: option } : option)
}

function resolve(options: MetricsOptions): ResolvedMetrics {
  const section = new SectionCheck('metrics', options, ['to', 'prefix', 'labels'])
  const to = options.to === undefined ? [] : Array.isArray(options.to) ? options.to : [options.to]
  if (!to.every(isMetrics)) throw section.wrong('to', 'an adapter such as prometheus(register), or a list of them')
  const prefix = options.prefix ?? 'millrace_'
  if (typeof prefix !== 'string' || !/^([a-zA-Z_][a-zA-Z0-9_]*)?$/.test(prefix)) {
    throw section.wrong('prefix', 'letters, digits and underscores, no digit first')
  }
  return { to, prefix, labels: labels(section, options.labels ?? {}) }
}

function labels(section: SectionCheck, given: unknown): MetricLabels {
  const entries: [string, unknown][] = typeof given === 'object' && given !== null ? Object.entries(given) : []
  const sound =
    typeof given === 'object' &&
    given !== null &&
    entries.every(([name, value]) => /^[a-zA-Z][a-zA-Z0-9_]*$/.test(name) && typeof value === 'string')
  if (!sound) throw section.wrong('labels', "names and strings, such as { service: 'shop' }")
  const taken = entries.find(([name]) => OWN_LABELS.includes(name))
  if (taken !== undefined) throw new OptionError(`metrics.labels.${taken[0]} is a label that metrics have already`)
  return Object.fromEntries(entries) as MetricLabels
}

function isMetrics(value: unknown): value is Metrics {
  if (typeof value !== 'object' || value === null) return false
  return 'histogram' in value && typeof value.histogram === 'function' && 'sampled' in value
}
