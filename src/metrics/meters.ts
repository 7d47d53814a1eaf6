import type { Clock } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Histogram, Metric, MetricLabels, ReportValue } from '../base/metrics.ts'
import type { MetricDefinition } from './definition.ts'
import type { ResolvedMetrics } from './metrics-option.ts'
import { MetricRegistry } from './registry.ts'
import type { MetricsSnapshot } from './snapshot.ts'

export interface MetersParts {
  readonly options: ResolvedMetrics
  /** Beside those of the option. */
  readonly labels: MetricLabels
  readonly clock: Clock
  readonly logger: Logger
}

/** What is counted anyway, and where it is read. */
export type Reading = readonly [MetricDefinition, read: (report: ReportValue) => void]

/** The metrics of one consumer or producer, in a registry of their own and wherever else they go. Made only when they are wanted. */
export class Meters {
  readonly registry: MetricRegistry
  readonly #parts: MetersParts
  readonly #labels: MetricLabels
  readonly #stops: (() => void)[] = []
  #threw = false

  constructor(parts: MetersParts) {
    this.#parts = parts
    this.registry = new MetricRegistry(parts.clock)
    this.#labels = { ...parts.options.labels, ...parts.labels }
  }

  /** Begins to read what is counted. Until `close` a timer runs. */
  start(readings: readonly Reading[]): void {
    this.registry.start()
    for (const [definition, read] of readings) this.#sampled(definition, read)
  }

  histogram(definition: MetricDefinition, labels: MetricLabels = {}): Histogram {
    const metric = this.#metric(definition)
    const all = { ...this.#labels, ...labels }
    const own = this.registry.histogram(metric, all)
    const others = this.#parts.options.to.map(each => each.histogram(metric, all))
    if (others.length === 0) return own
    return {
      observe: value => {
        own.observe(value)
        for (const other of others) this.#guard(() => other.observe(value))
      },
    }
  }

  snapshot(): MetricsSnapshot {
    return this.registry.snapshot()
  }

  /** The registry keeps what it has, for whoever looks afterwards. */
  close(): void {
    for (const stop of this.#stops) stop()
    this.registry.stop()
  }

  #sampled(definition: MetricDefinition, read: (report: ReportValue) => void): void {
    const metric = this.#metric(definition)
    const labelled = (report: ReportValue) => read((labels, value) => report({ ...this.#labels, ...labels }, value))
    this.registry.sampled(metric, labelled)
    for (const each of this.#parts.options.to) this.#stops.push(each.sampled(metric, labelled))
  }

  /** An adapter that throws must fail nothing here; it is told once. */
  #guard(action: () => void): void {
    try {
      action()
    } catch (thrown) {
      if (!this.#threw) this.#parts.logger.error({ err: toError(thrown) }, 'where metrics go threw; they lack values')
      this.#threw = true
    }
  }

  #metric(definition: MetricDefinition): Metric {
    const { prefix } = this.#parts.options
    const labels = [...Object.keys(this.#labels), ...definition.labels]
    return { ...definition, name: prefix + definition.name, labels, buckets: definition.buckets ?? [] }
  }
}
