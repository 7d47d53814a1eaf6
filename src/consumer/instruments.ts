import type { Clock } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Histogram, Metric, MetricLabels, ReportValue } from '../base/metrics.ts'
import type { ResolvedMetrics } from '../metrics/metrics-option.ts'
import { MetricRegistry } from '../metrics/registry.ts'
import type { MetricsSnapshot } from '../metrics/snapshot.ts'
import { Tally } from '../metrics/tally.ts'
import type { Engine } from './engine.ts'
import { EventLoopDelay } from './event-loop-delay.ts'
import { type MetricDefinition, metricDefinitions } from './metric-names.ts'
import { readings } from './readings.ts'

export interface InstrumentsParts {
  readonly options: ResolvedMetrics
  readonly clientId: string
  readonly group: string | null
  readonly clock: Clock
  readonly logger: Logger
}

/** The metrics of one consumer, in its own registry and wherever else they go. Made only when they are wanted. */
export class Instruments {
  /** Events told, by name. */
  readonly events = new Tally<'event'>()
  readonly registry: MetricRegistry
  readonly #parts: InstrumentsParts
  readonly #labels: MetricLabels
  readonly #stops: (() => void)[] = []
  #delay: EventLoopDelay | null = null
  #threw = false

  constructor(parts: InstrumentsParts) {
    this.#parts = parts
    this.registry = new MetricRegistry(parts.clock)
    this.#labels = { ...parts.options.labels, client: parts.clientId, group: parts.group ?? '' }
  }

  /** Begins to read what the consumer counts. Until `close` timers run. */
  start(engine: Engine): void {
    this.registry.start()
    const delay = new EventLoopDelay(this.#parts.clock)
    this.#delay = delay
    for (const [definition, read] of readings(engine)) this.#sampled(definition, read)
    this.#sampled(metricDefinitions.events, report => this.events.read(report))
    this.#sampled(metricDefinitions.eventLoopDelay, report => delay.read(report))
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
    this.#delay?.close()
  }

  #sampled(definition: MetricDefinition, read: (report: ReportValue) => void): void {
    const metric = this.#metric(definition)
    const labelled = (report: ReportValue) => read((labels, value) => report({ ...this.#labels, ...labels }, value))
    this.registry.sampled(metric, labelled)
    for (const each of this.#parts.options.to) this.#stops.push(each.sampled(metric, labelled))
  }

  /** An adapter that throws must fail no handler; it is told once. */
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
