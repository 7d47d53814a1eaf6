import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Histogram, MetricLabels } from '../base/metrics.ts'
import type { MetricDefinition } from '../metrics/definition.ts'
import { Meters } from '../metrics/meters.ts'
import type { ResolvedMetrics } from '../metrics/metrics-option.ts'
import type { MetricRegistry } from '../metrics/registry.ts'
import type { MetricsSnapshot } from '../metrics/snapshot.ts'
import { Tally } from '../metrics/tally.ts'
import type { Engine } from './engine.ts'
import { EventLoopDelay } from './event-loop-delay.ts'
import { metricDefinitions } from './metric-names.ts'
import { readings } from './readings.ts'

export interface InstrumentsParts {
  readonly options: ResolvedMetrics
  readonly clientId: string
  readonly group: string | null
  readonly clock: Clock
  readonly logger: Logger
}

/** The metrics of one consumer. */
export class Instruments {
  /** Events told, by name. */
  readonly events = new Tally<'event'>()
  readonly #clock: Clock
  readonly #meters: Meters
  #delay: EventLoopDelay | null = null

  constructor({ clientId, group, ...parts }: InstrumentsParts) {
    this.#clock = parts.clock
    this.#meters = new Meters({ ...parts, labels: { client: clientId, group: group ?? '' } })
  }

  get registry(): MetricRegistry {
    return this.#meters.registry
  }

  /** Begins to read what the consumer counts. Until `close` timers run. */
  start(engine: Engine): void {
    const delay = new EventLoopDelay(this.#clock)
    this.#delay = delay
    this.#meters.start([
      ...readings(engine),
      [metricDefinitions.events, report => this.events.read(report)],
      [metricDefinitions.eventLoopDelay, report => delay.read(report)],
    ])
  }

  histogram(definition: MetricDefinition, labels?: MetricLabels): Histogram {
    return this.#meters.histogram(definition, labels)
  }

  snapshot(): MetricsSnapshot {
    return this.#meters.snapshot()
  }

  close(): void {
    this.#meters.close()
    this.#delay?.close()
  }
}
