import { systemClock } from '../base/clock.ts'
import { OptionError } from '../base/errors.ts'
import type { Histogram, Metric, MetricLabels, Metrics, ReportValue } from '../base/metrics.ts'
import { describe } from '../base/option-check.ts'
import { samplesOf } from './prometheus-text.ts'
import { type Family, MetricRegistry } from './registry.ts'

/** A `Registry` of prom-client, as far as it is used: any release of it that has these. */
export interface PrometheusRegister {
  registerMetric(metric: never): void
  getSingleMetric(name: string): unknown
}

/**
 * A metric as prom-client's registries take it. Not one of its own classes: their histograms look up their labels at each value, and
 * here values are read when somebody scrapes.
 */
class RegisteredMetric {
  /** A register for OpenMetrics cuts `_total` off. */
  name: string
  readonly help: string
  readonly type: Metric['type']
  readonly aggregator = 'sum'
  readonly #family: Family

  constructor(family: Family) {
    const { name, help, type } = family.metric
    this.name = name
    this.help = help
    this.type = type
    this.#family = family
  }

  async get() {
    const { name, help, type, aggregator } = this
    const own = this.#family.metric.name
    const values = samplesOf(this.#family).map(({ name: metricName, labels, value }) =>
      metricName === own ? { labels, value } : { metricName, labels, value },
    )
    return { name, help, type, aggregator, values }
  }

  /** Counters of a consumer do not begin anew. */
  reset(): void {}
}

class PrometheusMetrics implements Metrics {
  readonly #register: PrometheusRegister
  readonly #registry = new MetricRegistry(systemClock)
  readonly #registered = new Map<string, RegisteredMetric>()

  constructor(register: PrometheusRegister) {
    this.#register = register
  }

  histogram(metric: Metric, labels: MetricLabels): Histogram {
    const histogram = this.#registry.histogram(metric, labels)
    this.#add(metric)
    return histogram
  }

  sampled(metric: Metric, read: (report: ReportValue) => void): () => void {
    const stop = this.#registry.sampled(metric, read)
    this.#add(metric)
    return stop
  }

  /** Again, when the register was cleared since. */
  #add({ name }: Metric): void {
    const family = this.#registry.family(name)
    if (family === undefined) return
    const known = this.#registered.get(name) ?? new RegisteredMetric(family)
    this.#registered.set(name, known)
    if (this.#register.getSingleMetric(name) !== known) this.#register.registerMetric(known as never)
  }
}

const made = new WeakMap<PrometheusRegister, PrometheusMetrics>()

/**
 * Metrics in a register of prom-client: `metrics: prometheus(register)`. For the same register it is always the same, so that several
 * consumers may share one; they are told apart by the labels `client` and `group`.
 *
 * @throws {OptionError}
 */
export function prometheus(register: PrometheusRegister): Metrics {
  if (typeof register !== 'object' || register === null || typeof register.registerMetric !== 'function') {
    throw new OptionError(
      `prometheus() takes a Registry of prom-client, such as its \`register\`, not ${describe(register)}`,
    )
  }
  const known = made.get(register) ?? new PrometheusMetrics(register)
  made.set(register, known)
  return known
}
